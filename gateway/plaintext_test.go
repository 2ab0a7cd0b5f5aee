package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"penstock/engine"
	"penstock/llm/upstream"
)

// generating are the routes that generate, with a body for a prompt.
var generating = []struct {
	path string
	body func(prompt string) string
}{
	{chatPath, func(p string) string { return `{"model":"MODEL","messages":[{"role":"user","content":"` + p + `"}]}` }},
	{chatPath, func(p string) string {
		return `{"model":"MODEL","stream":true,"messages":[{"role":"user","content":"` + p + `"}]}`
	}},
	{"/v1/completions", func(p string) string { return `{"model":"MODEL","prompt":"` + p + `"}` }},
	{"/v1/responses", func(p string) string { return `{"model":"MODEL","input":"` + p + `"}` }},
	{"/v1/models/MODEL:predict", func(p string) string { return `{"prompt":"` + p + `"}` }},
	{"/v1/models/MODEL/stream", func(p string) string { return `{"prompt":"` + p + `"}` }},
}

func TestTextAloneIsStreamed(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) { words(nil)(e); counter(e); remoteServer(t, e) })
	for _, c := range generating {
		for model, want := range map[string]string{"words": "one\ntwo", "upstream": "w0 w1 w2 "} {
			fill := strings.NewReplacer("MODEL", model).Replace
			w := s.record(request("POST", fill(c.path), fill(c.body(`one\ntwo`)), "Accept", "text/plain"))
			if h := w.Header(); w.Code != 200 || w.Body.String() != want || h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Content-Length") != "" {
				t.Errorf("%s of %s: %d %v %q", c.path, model, w.Code, h, w.Body)
			}
			// A refusal has its status and the form of the route.
			w = s.record(request("POST", fill(c.path), `{"model":"none","prompt":1}`, "Accept", "text/plain"))
			if w.Code < 400 || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
				t.Errorf("%s of %s: %d %v %q", c.path, model, w.Code, w.Header(), w.Body)
			}
		}
		// A failure before the first text has a status.
		fill := strings.NewReplacer("MODEL", "words").Replace
		if w := s.record(request("POST", fill(c.path), fill(c.body("FAIL")), "Accept", "text/plain")); w.Code != 502 {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
	}
	for _, c := range []struct {
		accept, path, body string
		status             int
		want               string
	}{
		{"text/plain", "/v1/models/words/stream?prompt=one%20two", "", 200, "one two"},
		{"text/plain, */*;q=0.1", "/v1/models/words:predict", `{"prompt":"one"}`, 200, "one"},
		{"application/json, text/plain, */*", "/v1/models/words:predict", `{"prompt":"one"}`, 200, `{"output":"one"`},
		{"text/event-stream, text/plain", "/v1/models/words:predict", `{"prompt":"one"}`, 200, "data: "},
		{"text/plain;q=0", "/v1/models/words:predict", `{"prompt":"one"}`, 200, `{"output":"one"`},
		{"text/plain", "/v1/models/counter:predict", `{"to":2,"word":"ab"}`, 200, "abab"},
		{"text/plain", "/v1/models/counter/stream", `{"to":0,"word":"ab"}`, 200, ""},
		{"text/plain", "/v1/models/counter:predict", `{"to":2}`, 406, "chunks have no text"},
		{"text/plain", chatPath, `{"model":"words","n":2,"messages":[{"role":"user","content":"one"}]}`, 406, "one completion"},
	} {
		method := "POST"
		if c.body == "" {
			method = "GET"
		}
		w := s.record(request(method, c.path, c.body, "Accept", c.accept))
		if text := w.Body.String(); w.Code != c.status || !strings.Contains(text, c.want) || c.accept == "text/plain" && w.Code == 200 && text != c.want {
			t.Errorf("%s, %s %s: %d %q", c.accept, c.path, c.body, w.Code, text)
		}
	}
	w := s.record(request("POST", chatPath, `{"model":"words","messages":[{"role":"user","content":"one"}]}`, "Accept", "text/plain", "X-Penstock-Resumable", "1"))
	if w.Code != 406 || !strings.Contains(w.Body.String(), "cannot be resumed") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A text is sent as it comes, and kept nowhere: the bound of a whole response is none for it.
func TestATextMayBeLongerThanAWholeResponse(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		remoteServer(t, e, func(c *upstream.Config) { c.MaxAnswer = 16 })
	})
	for _, c := range generating {
		fill := strings.NewReplacer("MODEL", "upstream").Replace
		if w := s.record(request("POST", fill(c.path), fill(c.body("one")), "Accept", "text/plain")); w.Code != 200 || w.Body.String() != "w0 w1 w2 " {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What a request loses when it is translated for a server is known once the model works, and named.
func TestATextNamesWhatATranslationLeftOut(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) { remoteServer(t, e) })
	for range 20 {
		w := s.record(request("POST", "/v1/responses", `{"model":"upstream","input":"hi","store":true,"foo":1}`, "Accept", "text/plain"))
		if got := w.Header().Get("X-Penstock-Ignored"); w.Code != 200 || got != "foo, store" {
			t.Fatalf("%d names %q: %s", w.Code, got, w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A text comes as it is generated, and one that is not whole does not look complete.
func TestATextThatFailsIsBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 1, 0, words(steps))
		client := s.inMemory(t)
		for _, c := range generating {
			fill := strings.NewReplacer("MODEL", "words").Replace
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost"+fill(c.path), strings.NewReader(fill(c.body("one FAIL"))))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", "text/plain")
			sent := make(chan struct{})
			go func() { defer close(sent); steps <- struct{}{} }()
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			<-sent
			first := make([]byte, 4)
			if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "one " {
				t.Errorf("%s: %q %v", c.path, first, err)
			}
			steps <- struct{}{}
			rest, err := io.ReadAll(response.Body)
			if err == nil || len(rest) > 0 {
				t.Errorf("%s: %q ended cleanly: %v", c.path, rest, err)
			}
			response.Body.Close()
		}
	})
}

// What a JSON body of :predict says counts: "stream": true streams, where a model generates.
func TestStreamInABodyStreams(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		words(nil)(e)
		counter(e)
		doubler(same[int])(e)
		remoteServer(t, e)
		tensors(nil)(e)
	})
	for _, c := range []struct {
		path, body, accept string
		status             int
		want               string
	}{
		{"words:predict", `{"prompt":"one two","stream":true}`, "", 200, "event: done"},
		{"words:predict", `{"stream" : true , "prompt":"one two"}`, "application/json", 200, "event: done"},
		{"words/predict", `{"prompt":"one two","stream":true}`, "*/*", 200, "event: done"},
		{"words:predict", `{"prompt":"one two","stream":false}`, "", 200, `{"output":"one two"`},
		{"words:predict", `{"prompt":"one two \"stream\":true"}`, "", 200, `{"output":"one two`},
		{"words:predict", `{"prompt":"one","metadata":{"stream":"true"}}`, "", 200, `{"output":"one"`},
		{"words/stream", `{"prompt":"one two","stream":true}`, "", 200, "event: done"},
		{"upstream:predict", `{"prompt":"one two","stream":true}`, "", 200, "event: done"},
		{"counter:predict", `{"to":2,"word":"ab","stream":true}`, "", 200, "data: {\"n\":2,\"text\":\"ab\"}"},
		{"counter:predict", ` { "stream":true , "to":2,"word":"ab"}`, "", 200, "data: {\"n\":2,\"text\":\"ab\"}"},
		{"counter:predict", `{"to":2,"stream":true,"word":"ab"}`, "", 200, "data: {\"n\":2,\"text\":\"ab\"}"},
		{"counter:predict", `{"stream":true}`, "", 200, "event: done"},
		{"counter:predict", `{"to":2,"word":"ab","stream":1}`, "", 400, "stream"},
		{"counter:predict", `{"stream":true,`, "", 400, ""},
		{"org/doubler:predict", `{"stream":true}`, "", 400, ""},
	} {
		w := s.record(request("POST", "/v1/models/"+c.path, c.body, "Accept", c.accept, "Content-Type", "application/json"))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %s", c.path, c.body, w.Code, w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
