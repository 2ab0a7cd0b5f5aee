package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/gateway"
	"penstock/llm/local"
	"penstock/onnx"
	"penstock/onnx/onnxtest"
	"penstock/sse"
)

// scripted adds a language model that emits typed values, and as a relay does its server's own events
// in that dialect. It fails for the prompts FAIL and CUT.
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

// Every dialect reaches every language model: what a client gets is the same, streamed or whole.
func TestEveryDialectReachesEveryModel(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		scripted("typed", "")(e)
		scripted("relay", dialect.Chat)(e)
		tiny(t, e)
	}, func(o *gateway.Options) { o.Dialects = []gateway.Dialect{{Path: "/toy", Codec: toy{}}} })
	scriptedText := generated{"Hello <wide>\nwörld", "length", 2, 3}
	for name, r := range routes() {
		for model, want := range map[string]generated{"typed": scriptedText, "relay": scriptedText, "tiny": {"BBBBB", "length", 0, 5}} {
			t.Run(name+" "+model, func(t *testing.T) {
				if model == "tiny" && name == "responses" {
					want.Text = "" // which has no logit_bias
				}
				for _, stream := range []bool{false, true} {
					got := generate(t, s, r, r.request(model, "hi", stream), stream)
					if model == "tiny" {
						if want.Text == "" {
							got.Text = ""
						}
						if got.Prompt < 2 {
							t.Errorf("stream %v: %d tokens in the prompt", stream, got.Prompt)
						}
						got.Prompt = 0
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
	}, func(o *gateway.Options) { o.Dialects = []gateway.Dialect{{Path: "/toy", Codec: toy{}}} })
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
