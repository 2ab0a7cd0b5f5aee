package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/dialect/dialecttest"
	"penstock/engine"
	"penstock/gateway"
	"penstock/llm/local"
	"penstock/llm/upstream"
	"penstock/llm/upstream/upstreamtest"
	"penstock/onnx"
	"penstock/onnx/onnxtest"
	"penstock/sse"
)

// scripted adds a language model that emits typed values, and as a relay does its server's own
// events in that dialect. It fails for the prompts FAIL and CUT.
func scripted(name string, own dialect.Name) func(*engine.Engine) {
	event := func(data string) dialect.Delta {
		if own == "" {
			return dialect.Delta{}
		}
		return dialect.Delta{Dialect: own, Event: sse.Event{Data: []byte(`{"id":"s","object":"chat.completion.chunk","created":1,"model":"s",` + data + `}`)}}
	}
	return func(e *engine.Engine) {
		engine.Generates(e.Add(name, engine.Lifecycle{Kind: "test"}), "generate", engine.Generator[*dialect.Request, string, dialect.Delta]{
			Preprocess: func(_ context.Context, r *dialect.Request) (string, error) { // as a relay, it knows its own dialect
				p, err := r.Parameters()
				if err != nil {
					return "", err
				}
				if p.Prompt != nil {
					return p.Prompt.Texts[0], nil
				}
				return p.Messages[0].Content.String(), nil
			},
			Generate: func(_ context.Context, prompt string, emit func(...dialect.Delta) error) (engine.End, error) {
				if prompt == "FAIL" {
					return engine.End{}, &apierr.Error{Code: apierr.CodeUpstreamTimeout, Message: "no token came"}
				}
				for _, text := range []string{"Hello", " <wide>\n", "wörld"} {
					d := event(`"choices":[{"index":0,"delta":{"content":` + quote(text) + `},"finish_reason":null}]`)
					d.Text = text
					if err := emit(d); err != nil {
						return engine.End{}, err
					}
				}
				if prompt == "CUT" {
					return engine.End{}, &apierr.Error{Code: apierr.CodeUpstreamCut, Message: "cut"}
				}
				finish := event(`"choices":[{"index":0,"delta":{},"finish_reason":"length"}]`)
				finish.Finish = "length"
				usage := event(`"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}`)
				usage.Usage = &dialect.Usage{PromptTokens: 2, CompletionTokens: 3, TotalTokens: 5}
				return engine.LengthReached(engine.Usage{PromptTokens: 2, CompletionTokens: 3}), emit(finish, usage)
			},
		})
	}
}

// tiny adds the test model of package local, which needs ONNX Runtime.
func tiny(t *testing.T, e *engine.Engine) {
	onnxtest.Open(t) // fails the test where the library is missing
	library := "libonnxruntime.so"
	if runtime.GOOS == "darwin" {
		library = "libonnxruntime.dylib"
	}
	local.New(local.Options{
		Name: "tiny", Path: filepath.Join("..", "llm", "local", "testdata", "tiny32"),
		ONNX: onnx.Options{Library: filepath.Join(onnxtest.Root(t), ".penstock", "onnxruntime", library)},
	}).Register(e)
}

// remoteServer adds a model of another server, which uses OpenAI's dialects.
func remoteServer(t *testing.T, e *engine.Engine, options ...func(*upstream.Config)) {
	server := httptest.NewServer(http.HandlerFunc(openAIServer))
	t.Cleanup(server.Close)
	config := upstream.Config{
		Name:     "upstream",
		Servers:  []upstream.Server{{Name: "first", BaseURL: server.URL + "/v1", Model: "m", Weight: 1}},
		Timeouts: upstream.Timeouts{Connect: time.Minute, FirstToken: time.Minute, BetweenTokens: time.Minute, Whole: time.Minute},
		Gate:     engine.GateConfig{Permits: 1, Queue: 1},
	}
	for _, option := range options {
		option(&config)
	}
	if _, err := upstream.Add(e, config); err != nil {
		t.Fatal(err)
	}
}

// openAIServer generates three words in the dialect of the path.
func openAIServer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	stream := bytes.Contains(body, []byte(`"stream":true`))
	const (
		usage     = `"usage":{"prompt_tokens":7,"completion_tokens":60,"total_tokens":67}`
		completed = `{"id":"r","object":"response","status":"completed","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"w0 w1 w2 "}]}],"usage":{"input_tokens":7,"output_tokens":60,"total_tokens":67}}`
	)
	var script upstreamtest.Script
	switch path := strings.TrimPrefix(r.URL.Path, "/v1"); {
	case path == "/chat/completions" && stream:
		script = upstreamtest.Whole("m", 3)
	case path == "/chat/completions":
		script = upstreamtest.Script{upstreamtest.Answer(200, `{"choices":[{"index":0,"message":{"role":"assistant","content":"w0 w1 w2 "},"finish_reason":"stop"}],`+usage+`}`)}
	case path == "/completions" && stream:
		for i := range 3 {
			script = append(script, upstreamtest.Send(`data: {"id":"c","object":"text_completion","choices":[{"index":0,"text":`+quote(upstreamtest.Text(i, i+1))+`,"finish_reason":null}]}`+"\n\n"))
		}
		script = append(script, upstreamtest.Send(`data: {"id":"c","object":"text_completion","choices":[{"index":0,"text":"","finish_reason":"stop"}]}`+"\n\ndata: "+`{"id":"c","object":"text_completion","choices":[],`+usage+"}\n\n"+upstreamtest.Done))
	case path == "/completions":
		script = upstreamtest.Script{upstreamtest.Answer(200, `{"choices":[{"index":0,"text":"w0 w1 w2 ","finish_reason":"stop"}],`+usage+`}`)}
	case path == "/responses" && stream:
		script = append(script, upstreamtest.Send("event: response.created\ndata: "+`{"type":"response.created","sequence_number":0,"response":{"id":"r"}}`+"\n\n"))
		for i := range 3 {
			script = append(script, upstreamtest.Send("event: response.output_text.delta\ndata: "+`{"type":"response.output_text.delta","sequence_number":`+itoa(i+1)+`,"delta":`+quote(upstreamtest.Text(i, i+1))+"}\n\n"))
		}
		script = append(script, upstreamtest.Send("event: response.completed\ndata: "+`{"type":"response.completed","sequence_number":4,"response":`+completed+"}\n\n"))
	case path == "/responses":
		script = upstreamtest.Script{upstreamtest.Answer(200, completed)}
	default:
		script = upstreamtest.Script{upstreamtest.Fail(404, "no such path")}
	}
	for _, act := range script {
		act(w, r)
	}
}

// Every dialect reaches every language model: what a client gets is the same, streamed or whole.
func TestEveryDialectReachesEveryModel(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		scripted("typed", "")(e)
		scripted("relay", dialect.Chat)(e)
		tiny(t, e)
		remoteServer(t, e)
	}, withToy)
	scriptedText := generated{"Hello <wide>\nwörld", "length", 2, 3}
	for name, r := range routes() {
		for model, want := range map[string]generated{
			"typed": scriptedText, "relay": scriptedText,
			"tiny":     {"BBBBB", "length", 0, 5},
			"upstream": {"w0 w1 w2 ", "stop", 7, 60},
		} {
			t.Run(name+" "+model, func(t *testing.T) {
				for _, stream := range []bool{false, true} {
					got := generate(t, s, r, r.request(model, "hi", stream), stream)
					if name == "toy" {
						want.Prompt, want.Completion = 0, 0
					}
					if model == "tiny" {
						if got.Prompt < 2 && name != "toy" || got.Finish == "" {
							t.Errorf("stream %v: %+v", stream, got)
						}
						got.Prompt = 0
						if name == "responses" || name == "toy" { // neither has logit_bias: its text is random
							got.Text = want.Text
						}
						if name == "toy" { // nor has that a limit
							got.Finish = want.Finish
						}
					}
					if got != want {
						t.Errorf("stream %v: %+v, want %+v", stream, got, want)
					}
				}
			})
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// withToy serves a dialect that is not built in.
func withToy(o *gateway.Options) {
	o.Dialects = []gateway.Dialect{{Path: "/toy", Codec: dialecttest.Toy()}}
}

// generate sends a request and reads the response in its dialect.
func generate(t *testing.T, s *server, r route, req *http.Request, stream bool) generated {
	t.Helper()
	w := s.record(req)
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if !stream {
		g, err := r.whole(w.Body.Bytes())
		if err != nil {
			t.Errorf("%v: %s", err, w.Body)
		}
		return g
	}
	g, code := follow(t, r, w.Body.String())
	if code != "" {
		t.Errorf("failed with %s", code)
	}
	return g
}

// follow reads a stream's transcript.
func follow(t *testing.T, r route, transcript string) (g generated, code string) {
	t.Helper()
	for _, e := range scan(t, streamID.ReplaceAllString(transcript, "ID")) {
		if e.name == "started" || e.name == "queued" {
			continue
		}
		c, err := r.event(&g, e.name, []byte(e.data))
		if err != nil {
			t.Errorf("%v: %q", err, e)
		}
		code += c
	}
	return g, code
}

// A failure has a status before the first byte, and is an event after it, in every dialect and for
// every model.
func TestEveryDialectReportsFailures(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		scripted("typed", "")(e)
		scripted("relay", dialect.Chat)(e)
	}, withToy)
	for name, r := range routes() {
		for _, model := range []string{"typed", "relay"} {
			for prompt, want := range map[string]struct {
				code   string
				status int
			}{"FAIL": {"upstream_timeout", 504}, "CUT": {"upstream_cut", 502}} {
				for _, stream := range []bool{false, true} {
					w, broken := s.recordBroken(r.request(model, prompt, stream))
					if stream && prompt == "CUT" {
						g, code := follow(t, r, w.Body.String())
						if w.Code != 200 || code != want.code || g.Finish != "" || g.Text == "" || broken == strings.HasPrefix(name, "native") {
							t.Errorf("%s, %s, %s: %d, code %s, %+v, broken off: %v", name, model, prompt, w.Code, code, g, broken)
						}
						continue
					}
					if code := r.code(w.Body.Bytes()); w.Code != want.status || code != want.code || broken {
						t.Errorf("%s, %s, %s, stream %v: %d %s", name, model, prompt, stream, w.Code, w.Body)
					}
				}
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A body that is named as a form, an image, a sound or a film is refused before a stream starts.
func TestBodiesOfOtherMediaTypesAreRefused(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) { tiny(t, e) })
	for name, r := range routes() {
		if name == "toy" || name == "native GET" {
			continue
		}
		for mediaType, status := range map[string]int{
			"multipart/form-data; boundary=x": 415, "IMAGE/png": 415, "audio/wav": 415, "video/mp4": 415,
			"application/x-www-form-urlencoded": 200, "text/plain": 200, "": 200,
		} {
			for _, stream := range []bool{false, true} {
				req := r.request("tiny", "hi", stream)
				req.Header.Set("Content-Type", mediaType)
				w := s.record(req)
				if w.Code != status || status == 415 && r.code(w.Body.Bytes()) != "unsupported_media_type" {
					t.Errorf("%s, %q, stream %v: %d %s", name, mediaType, stream, w.Code, w.Body)
				}
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// recordBroken is record for responses that may be broken off.
func (s *server) recordBroken(r *http.Request) (w *httptest.ResponseRecorder, broken bool) {
	w = httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil {
			if err, _ := p.(error); !errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			broken = true
		}
	}()
	s.ServeHTTP(recorder{w}, r)
	return w, false
}
