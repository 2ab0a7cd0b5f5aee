package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"penstock/gateway"
	"penstock/llm/upstream"

	"github.com/sashabaranov/go-openai"
)

// The routes of OpenAI's client that this server has not, over real HTTP.
func TestGoOpenAIsFurtherRoutesArePassedThrough(t *testing.T) {
	sound := strings.Repeat("ID3\x00\xff", 50000)
	p := newPassing(t, nil, func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimPrefix(r.URL.Path, "/base/v1/") {
		case "audio/speech":
			reply("audio/mpeg", sound)(w, r)
		case "audio/transcriptions", "audio/translations":
			reply("application/json", `{"text":"hello","usage":{"type":"tokens","input_tokens":14,"output_tokens":2,"total_tokens":16}}`)(w, r)
		case "images/generations", "images/edits":
			reply("application/json", `{"created":1,"data":[{"b64_json":"AAAA"}]}`)(w, r)
		case "moderations":
			reply("application/json", `{"id":"modr-1","model":"voice-a","results":[{"flagged":true}]}`)(w, r)
		default:
			http.NotFound(w, r)
		}
	})
	sdk := p.sdk()
	speech, err := sdk.CreateSpeech(t.Context(), openai.CreateSpeechRequest{Model: "voice", Input: "hello", Voice: openai.VoiceAlloy})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(speech); err != nil || string(got) != sound || speech.Header().Get("Content-Type") != "audio/mpeg" || speech.Header().Get("X-Penstock-Upstream") != "a" {
		t.Errorf("got %d bytes, %v, %v", len(got), err, speech.Header())
	}
	text, err := sdk.CreateTranscription(t.Context(), openai.AudioRequest{Model: "voice", FilePath: "a.wav", Reader: strings.NewReader(sound), Language: "en"})
	if err != nil || text.Text != "hello" {
		t.Errorf("got %+v, %v", text, err)
	}
	if text, err := sdk.CreateTranslation(t.Context(), openai.AudioRequest{Model: "voice", FilePath: "a.wav", Reader: strings.NewReader("RIFF")}); err != nil || text.Text != "hello" {
		t.Errorf("got %+v, %v", text, err)
	}
	image, err := sdk.CreateImage(t.Context(), openai.ImageRequest{Model: "voice", Prompt: "a cat", ResponseFormat: openai.CreateImageResponseFormatB64JSON})
	if err != nil || len(image.Data) != 1 || image.Data[0].B64JSON != "AAAA" {
		t.Errorf("got %+v, %v", image, err)
	}
	if m, err := sdk.Moderations(t.Context(), openai.ModerationRequest{Model: "voice", Input: "hello"}); err == nil && (!m.Results[0].Flagged || m.Model != "voice-a") {
		t.Errorf("got %+v", m)
	}
	for _, r := range p.requests() {
		if !strings.Contains(r.body, "voice-a") || r.header.Get("Authorization") != "Bearer "+passKey || r.header.Get("User-Agent") != "penstock" {
			t.Errorf("the server gets %s %s, %v, %.200q", r.method, r.uri, r.header, r.body)
		}
	}
	if form := p.requests()[1]; !strings.Contains(form.body, sound) || !strings.HasPrefix(form.header.Get("Content-Type"), "multipart/form-data; boundary=") || !strings.Contains(form.body, "\r\n\r\nen\r\n") {
		t.Errorf("the server gets %v", form.header)
	}
	if got := p.do(t, "POST", "/v1/moderations", "application/json", `{"model":"voice","input":"hi"}`); got.status != 200 || !strings.Contains(got.body, `"flagged":true`) {
		t.Errorf("got %+v", got)
	}
}

// Method, path, query, head and body reach the server as they are, but for the name, and the
// response the client.
func TestARequestAndItsResponseArePassedThroughAsTheyAre(t *testing.T) {
	const result = `{"results": [{"index":1,"relevance_score":0.50}],"model":"voice-a","usage":{"total_tokens":21}}`
	p := newPassing(t, nil, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for name, value := range map[string]string{
			"Content-Type": "application/json; charset=utf-8", "X-Custom": "1", "Cache-Control": "max-age=5", "X-Request-Id": "up-1", "Set-Cookie": "a=b", "Keep-Alive": "timeout=5", "Connection": "X-Hop",
			"X-Hop": "1", "Access-Control-Allow-Origin": "*", "Strict-Transport-Security": "max-age=1", "Location": "http://10.0.0.1/x", "X-Penstock-Stream": "x", "X-Echo": r.Header.Get("Authorization"),
		} {
			h.Set(name, value)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, result)
	})
	got := p.do(t, "POST", "/v1/rerank?top=%20a&model=voice", "application/json", `{ "documents":["a","b"], "query":"a", "score":1.0 }`, "Accept", "application/json", "Cookie", "secret=1", "Accept-Language", "de", "X-Unlisted", "1", "Traceparent", "00-1", "Openai-Organization", "org")
	if got.status != http.StatusAccepted || got.body != result || got.err != nil {
		t.Errorf("got %+v", got)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "X-Custom": "1", "Cache-Control": "max-age=5", "X-Upstream-Request-Id": "up-1", "X-Penstock-Upstream": "a", "X-Echo": "Bearer [key]",
		"Set-Cookie": "", "Keep-Alive": "", "X-Hop": "", "Access-Control-Allow-Origin": "", "Strict-Transport-Security": "", "Location": "", "X-Penstock-Stream": "", "X-Content-Type-Options": "nosniff",
	} {
		if value := got.header.Get(name); value != want {
			t.Errorf("the client gets %s: %q, not %q", name, value, want)
		}
	}
	r := p.requests()[0]
	if r.method != "POST" || r.uri != "/base/v1/rerank?top=%20a&model=voice-a" || r.body != `{ "documents":["a","b"], "query":"a", "score":1.0 }` {
		t.Errorf("the server gets %+v", r)
	}
	for name, want := range map[string]string{"Accept": "application/json", "Accept-Language": "de", "Content-Type": "application/json", "Cookie": "", "X-Unlisted": "", "Traceparent": "00-1", "Openai-Organization": "", "Accept-Encoding": ""} {
		if value := r.header.Get(name); value != want {
			t.Errorf("the server gets %s: %q, not %q", name, value, want)
		}
	}
	if want := `penstock_tokens_total{model="voice",type="prompt"} 21`; !strings.Contains(p.metrics(t), want) {
		t.Errorf("the metrics lack %s", want)
	}
	if want := `penstock_http_requests_total{code="202",method="POST",route="/v1/rerank"} 1`; !strings.Contains(p.metrics(t), want) {
		t.Errorf("the metrics lack %s", want)
	}
}

func (p *passing) metrics(t *testing.T) string { return p.do(t, "GET", "/metrics", "", "").body }

func TestEveryMethodIsPassedThrough(t *testing.T) {
	p := newPassing(t, nil, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case "DELETE":
			w.WriteHeader(http.StatusNoContent)
		case "HEAD":
			w.Header().Set("Content-Length", "1234")
		case "PATCH":
			w.WriteHeader(http.StatusNotModified)
		default:
			reply("application/json", `{"m":"`+r.Method+`"}`)(w, r)
		}
	})
	for method, want := range map[string]response{
		"GET": {status: 200, body: `{"m":"GET"}`}, "POST": {status: 200, body: `{"m":"POST"}`}, "PUT": {status: 200, body: `{"m":"PUT"}`},
		"DELETE": {status: 204}, "HEAD": {status: 200}, "PATCH": {status: 304}, "OPTIONS": {status: 405},
	} {
		got := p.do(t, method, "/v1/audio/voices/v1?model=voice", "", "")
		if method == "OPTIONS" {
			got.body = ""
		}
		if got.status != want.status || got.body != want.body || got.err != nil || method == "HEAD" && got.header.Get("Content-Length") != "1234" {
			t.Errorf("%s: %+v", method, got)
		}
	}
	for _, r := range p.requests() {
		if r.uri != "/base/v1/audio/voices/v1?model=voice-a" || r.body != "" {
			t.Errorf("the server gets %+v", r)
		}
	}
}

// What a server does not declare is not guessed, and what its response depends on is added to what
// the gateway's depends on.
func TestTheHeadOfAResponseThatIsPassedThroughIsTheServers(t *testing.T) {
	p := newPassing(t, func(o *gateway.Options, _ *upstream.Config) { o.Origins = []string{"https://page.example"} }, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		w.Header().Set("Vary", "Accept")
		w.Header().Set("Etag", `"1"`)
		_, _ = io.WriteString(w, "<html>"+r.Header.Get("If-None-Match"))
	})
	got := p.do(t, "GET", "/v1/audio/x?model=voice", "", "", "Origin", "https://page.example", "If-None-Match", `"0"`)
	if _, has := got.header["Content-Type"]; has || got.status != 200 || got.body != `<html>"0"` || got.header.Get("Etag") != `"1"` || strings.Join(got.header["Vary"], ", ") != "Origin, Accept" {
		t.Errorf("got %+v", got)
	}
}

// Bytes are sent as they arrive, events whole: none waits for the next one.
func TestAResponseIsPassedThroughAsItArrives(t *testing.T) {
	for _, media := range []string{"audio/mpeg", "text/event-stream"} {
		next := make(chan struct{})
		p := newPassing(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			for _, piece := range []string{"data: 1\n\n", "data: 2\n\n"} {
				_, _ = io.WriteString(w, piece)
				_ = http.NewResponseController(w).Flush()
				<-next
			}
		})
		r, err := p.client.Post(p.url+"/v1/audio/speech", "application/json", strings.NewReader(`{"model":"voice","input":"hi"}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"data: 1\n\n", "data: 2\n\n"} {
			got := make([]byte, len(want))
			if _, err := io.ReadFull(r.Body, got); err != nil || string(got) != want {
				t.Fatalf("%s: got %q, %v", media, got, err)
			}
			next <- struct{}{}
		}
		if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
			t.Errorf("%s: the rest is %q, %v", media, rest, err)
		}
		r.Body.Close()
	}
}

// errorOf returns the code and the message of an error in OpenAI's shape.
func errorOf(body string) (code, message string) {
	var e struct {
		Error struct{ Code, Message string }
	}
	_ = json.Unmarshal([]byte(body), &e)
	return e.Error.Code, e.Error.Message
}

// The upstream's request ends as soon as the client has left, before the first byte too.
func TestAClientThatLeavesEndsTheUpstreamsRequest(t *testing.T) {
	for _, begins := range []bool{false, true} {
		arrived, ended := make(chan struct{}), make(chan struct{})
		p := newPassing(t, nil, func(w http.ResponseWriter, r *http.Request) {
			if begins {
				reply("audio/mpeg", "ID3")(w, r)
				_ = http.NewResponseController(w).Flush()
			}
			close(arrived)
			<-r.Context().Done()
			close(ended)
		})
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "POST", p.url+"/v1/audio/speech", strings.NewReader(`{"model":"voice"}`))
		done := make(chan struct{})
		go func() {
			defer close(done)
			if r, err := p.client.Do(r); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
				r.Body.Close()
			}
		}()
		<-arrived
		cancel()
		<-ended
		<-done
	}
}
