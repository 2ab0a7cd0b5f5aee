package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
)

// remote adds a model like one on another server: its whole answers copy a head and a body, its streams bring a head.
func remote(e *engine.Engine) {
	m := e.Add("remote", engine.Lifecycle{Kind: "test"})
	type in = engine.Input
	same := func(_ context.Context, i in) (in, error) { return i, nil }
	rejected := func(body []byte) error {
		if !strings.Contains(string(body), "REJECT") {
			return nil
		}
		return &apierr.Error{Code: apierr.CodeUpstreamError, Message: "rejected", Cause: &dialect.UpstreamAnswer{
			Status: 422, Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {"7"}}, Body: []byte(`{"error":{"message":"theirs"}}`),
		}}
	}
	engine.Predicts(m, "chat_whole", engine.Predictor[in, in, struct{}, engine.Output]{
		Decode:     func(i in) (in, error) { return i, nil },
		Preprocess: same,
		Predict: func(_ context.Context, i in) (struct{}, error) {
			if err := rejected(i.Body); err != nil {
				return struct{}{}, err
			}
			i.Answer.Head(200, http.Header{"Content-Type": {"application/json"}, "X-Ratelimit-Remaining": {"3"}})
			if _, err := io.WriteString(i.Answer, `{"whole":`); err != nil {
				return struct{}{}, err
			}
			if strings.Contains(string(i.Body), "CUT") {
				return struct{}{}, errors.New("cut")
			}
			_, err := io.WriteString(i.Answer, `"`+i.Credential+`"}`)
			return struct{}{}, err
		},
		Postprocess: func(context.Context, struct{}) (engine.Output, error) { return engine.Output{}, nil },
		Encode:      func(o engine.Output) (engine.Output, error) { return o, nil },
	})
	stream := engine.Generator[in, in, engine.Encoded]{
		Decode:     func(i in) (in, error) { return i, nil },
		Preprocess: same,
		Generate: func(ctx context.Context, i in, emit func(...engine.Encoded) error) (engine.End, error) {
			if err := rejected(i.Body); err != nil {
				return engine.End{}, err
			}
			if strings.Contains(string(i.Body), "LATE") {
				select {
				case <-time.After(time.Minute): // virtual
				case <-ctx.Done():
					return engine.End{}, ctx.Err()
				}
			}
			i.Answer.Head(200, http.Header{"Content-Type": {"text/event-stream"}, "X-Penstock-Upstream": {"first"}})
			if err := emit(engine.Encoded{Name: "response.created", Data: []byte(`{"type":"response.created","sequence_number":0}`)}); err != nil {
				return engine.End{}, err
			}
			if strings.Contains(string(i.Body), "CUT") {
				return engine.End{}, &apierr.Error{Code: apierr.CodeUpstreamCut, Message: "cut"}
			}
			return engine.Stopped(engine.Usage{}), emit(engine.Encoded{Name: "response.completed", Data: []byte(`{"type":"response.completed"}`)})
		},
	}
	engine.Generates(m, "chat", stream)
	engine.Generates(m, "responses", stream)
}

func ask(stream bool, words string) string {
	if stream {
		return `{"model":"remote","stream":true,"messages":[{"role":"user","content":"` + words + `"}]}`
	}
	return `{"model":"remote","messages":[{"role":"user","content":"` + words + `"}]}`
}

func TestAWholeAnswerIsCopiedHeadAndBody(t *testing.T) {
	h := newHouse(t, 1, 1, remote)
	url, client := h.onTCP(t)
	r, _ := http.NewRequestWithContext(t.Context(), "POST", url+chatPath, strings.NewReader(ask(false, "hello")))
	r.Header.Set("Authorization", "Bearer sk-mine")
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || string(b) != `{"whole":"sk-mine"}` || res.Header.Get("X-Ratelimit-Remaining") != "3" || res.Header.Get("X-Request-Id") == "" {
		t.Errorf("%d %v %s %v", res.StatusCode, res.Header, b, err)
	}
	res, err = client.Post(url+chatPath, "application/json", strings.NewReader(ask(false, "CUT")))
	if err != nil { // broken off before its head was out
		return
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("half an answer was passed off as whole: %s", b)
	}
}

func TestAnUpstreamsRejectionArrivesAsItWas(t *testing.T) {
	h := newHouse(t, 1, 1, remote)
	for _, stream := range []bool{true, false} {
		w := h.record(request("POST", chatPath, ask(stream, "REJECT")))
		if w.Code != 422 || w.Body.String() != `{"error":{"message":"theirs"}}` || w.Header().Get("Retry-After") != "7" {
			t.Errorf("stream %v: %d %v %s", stream, w.Code, w.Header(), w.Body)
		}
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

func TestAStreamsHeadComesWithItsFirstEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 1, 1, remote)
		w := h.record(request("POST", chatPath, ask(true, "hello")))
		if w.Header().Get("X-Penstock-Upstream") != "first" || w.Header().Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Errorf("%v", w.Header())
		}
		w = h.record(request("POST", chatPath, ask(true, "LATE")))
		if w.Header().Get("X-Penstock-Upstream") != "" || !strings.HasPrefix(w.Body.String(), ": keep-alive") || !strings.HasSuffix(w.Body.String(), "data: [DONE]\n\n") {
			t.Errorf("after a heartbeat: %v %s", w.Header(), w.Body)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTypedEventsKeepTheirNamesAndEndInTheirOwnWay(t *testing.T) {
	h := newHouse(t, 1, 1, remote)
	url, client := h.onTCP(t)
	for words, want := range map[string]string{
		"hello": "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\"}\n\n",
		"CUT":   "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0}\n\nevent: error\ndata: {\"type\":\"error\",\"sequence_number\":1,\"code\":\"upstream_cut\",\"message\":\"cut\"}\n\n",
	} {
		res, err := client.Post(url+"/v1/responses", "application/json", strings.NewReader(ask(true, words)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if string(b) != want || (err == nil) != (words == "hello") {
			t.Errorf("%s: %q, %v", words, b, err)
		}
	}
}

// Who comes back to events that end in their own way has heard the end with the last of them, or hears of the failure as if
// he had never been away.
func TestTypedEventsThatAreResumedEndInTheirOwnWay(t *testing.T) {
	h := newHouse(t, 1, 1, remote)
	url, client := h.onTCP(t)
	answer := func(method, path, body string, headers ...string) (status int, location, text string) {
		r, _ := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body) // a failure breaks it off
		return res.StatusCode, res.Header.Get("Location"), string(b)
	}
	for words, want := range map[string]struct {
		last   string // id that the reader has had
		status int
		text   string
	}{
		"hello": {"-2", 204, ""},
		"CUT":   {"-1", 200, "id: ID-2\nevent: error\ndata: {\"type\":\"error\",\"sequence_number\":1,\"code\":\"upstream_cut\",\"message\":\"cut\"}\n\n"},
	} {
		_, path, all := answer("POST", "/v1/responses", ask(true, words), "X-Penstock-Resumable", "1")
		status, _, text := answer("GET", path, "", "Last-Event-ID", strings.TrimPrefix(path, "/v1/streams/")+want.last)
		if text = streamID.ReplaceAllString(text, "ID"); status != want.status || text != want.text {
			t.Errorf("%s: %d %q, after %q", words, status, text, all)
		}
	}
}
