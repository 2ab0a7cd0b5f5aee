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
	"penstock/sse"
)

// remote adds a model like one on another server, whose server uses the client's dialect: its whole
// responses are passed through, and its streams bring a head.
func remote(e *engine.Engine) {
	m := e.Add("remote", engine.Lifecycle{Kind: "test"})
	engine.Generates(m, "generate", engine.Generator[*dialect.Request, *dialect.Request, dialect.Delta]{
		Preprocess: same[*dialect.Request],
		Generate: func(ctx context.Context, r *dialect.Request, emit func(...dialect.Delta) error) (engine.End, error) {
			switch {
			case has(r, "REJECT"):
				return engine.End{}, &apierr.Error{Code: apierr.CodeUpstreamError, Message: "rejected", Cause: &dialect.UpstreamAnswer{
					Status: 422, Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {"7"}}, Body: []byte(`{"error":{"message":"theirs"}}`),
				}}
			case !r.Stream:
				return engine.Stopped(engine.Usage{}), remoteWhole(r)
			}
			return engine.Stopped(engine.Usage{}), remoteStream(ctx, r, emit)
		},
	})
}

// has reports whether the request's body holds a word.
func has(r *dialect.Request, word string) bool { return strings.Contains(string(r.Body), word) }

func remoteWhole(r *dialect.Request) error {
	r.Passthrough.Head(200, http.Header{"Content-Type": {"application/json"}, "X-Ratelimit-Remaining": {"3"}})
	if _, err := io.WriteString(r.Passthrough, `{"whole":`); err != nil {
		return err
	}
	if has(r, "CUT") {
		return errors.New("cut")
	}
	_, err := io.WriteString(r.Passthrough, `"`+r.Credential+`"}`)
	return err
}

func remoteStream(ctx context.Context, r *dialect.Request, emit func(...dialect.Delta) error) error {
	if has(r, "LATE") {
		select {
		case <-time.After(time.Minute): // virtual
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.Passthrough.Head(200, http.Header{"Content-Type": {"text/event-stream"}, "X-Penstock-Upstream": {"first"}})
	first, last := []sse.Event{chatChunk("Hello")}, []sse.Event(nil)
	if r.Dialect == dialect.Responses {
		first = []sse.Event{{Name: sse.MustName("response.created"), Data: []byte(`{"type":"response.created","sequence_number":0}`)}}
		last = []sse.Event{{Name: sse.MustName("response.completed"), Data: []byte(`{"type":"response.completed"}`)}}
	}
	if err := emit(relayed(r.Dialect, first)...); err != nil {
		return err
	}
	if has(r, "CUT") {
		return &apierr.Error{Code: apierr.CodeUpstreamCut, Message: "cut"}
	}
	return emit(relayed(r.Dialect, last)...)
}

// relayed returns the deltas of a server's events.
func relayed(in dialect.Name, events []sse.Event) (deltas []dialect.Delta) {
	for _, e := range events {
		deltas = append(deltas, dialect.Delta{Dialect: in, Event: e})
	}
	return deltas
}

func remoteBody(stream bool, content string) string {
	if stream {
		return `{"model":"remote","stream":true,"messages":[{"role":"user","content":"` + content + `"}]}`
	}
	return `{"model":"remote","messages":[{"role":"user","content":"` + content + `"}]}`
}

func TestAWholeResponseIsPassedThrough(t *testing.T) {
	s := newServer(t, 1, 1, remote)
	url, client := s.onTCP(t)
	r, _ := http.NewRequestWithContext(t.Context(), "POST", url+chatPath, strings.NewReader(remoteBody(false, "hello")))
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
	res, err = client.Post(url+chatPath, "application/json", strings.NewReader(remoteBody(false, "CUT")))
	if err != nil { // broken off before its head was out
		return
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("half a response looked whole: %s", b)
	}
}

func TestAnUpstreamsRejectionIsPassedThrough(t *testing.T) {
	s := newServer(t, 1, 1, remote)
	for _, stream := range []bool{true, false} {
		w := s.record(request("POST", chatPath, remoteBody(stream, "REJECT")))
		if w.Code != 422 || w.Body.String() != `{"error":{"message":"theirs"}}` || w.Header().Get("Retry-After") != "7" {
			t.Errorf("stream %v: %d %v %s", stream, w.Code, w.Header(), w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAStreamsHeadComesWithItsFirstEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 1, remote)
		w := s.record(request("POST", chatPath, remoteBody(true, "hello")))
		if w.Header().Get("X-Penstock-Upstream") != "first" || w.Header().Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Errorf("%v", w.Header())
		}
		w = s.record(request("POST", chatPath, remoteBody(true, "LATE")))
		if w.Header().Get("X-Penstock-Upstream") != "" || !strings.HasPrefix(w.Body.String(), ": keep-alive") || !strings.HasSuffix(w.Body.String(), "data: [DONE]\n\n") {
			t.Errorf("after a heartbeat: %v %s", w.Header(), w.Body)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestResponsesEventsKeepTheirNamesAndTheirEnd(t *testing.T) {
	s := newServer(t, 1, 1, remote)
	url, client := s.onTCP(t)
	for content, want := range map[string]string{
		"hello": "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\"}\n\n",
		"CUT":   "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0}\n\nevent: error\ndata: {\"type\":\"error\",\"sequence_number\":1,\"code\":\"upstream_cut\",\"message\":\"cut\"}\n\n",
	} {
		res, err := client.Post(url+"/v1/responses", "application/json", strings.NewReader(remoteBody(true, content)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if string(b) != want || (err == nil) != (content == "hello") {
			t.Errorf("%s: %q, %v", content, b, err)
		}
	}
}

// Where the last event of a stream is its terminal event, a reader that had it gets 204, and a
// reader that comes back before a failure gets that as on a first connection.
func TestResumedResponsesEventsKeepTheirEnd(t *testing.T) {
	s := newServer(t, 1, 1, remote)
	url, client := s.onTCP(t)
	send := func(method, path, body string, headers ...string) (status int, location, text string) {
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
	for content, want := range map[string]struct {
		last   string // id that the reader has had
		status int
		text   string
	}{
		"hello": {"-2", 204, ""},
		"CUT":   {"-1", 200, "id: ID-2\nevent: error\ndata: {\"type\":\"error\",\"sequence_number\":1,\"code\":\"upstream_cut\",\"message\":\"cut\"}\n\n"},
	} {
		_, path, all := send("POST", "/v1/responses", remoteBody(true, content), "X-Penstock-Resumable", "1")
		status, _, text := send("GET", path, "", "Last-Event-ID", strings.TrimPrefix(path, "/v1/streams/")+want.last)
		if text = streamID.ReplaceAllString(text, "ID"); status != want.status || text != want.text {
			t.Errorf("%s: %d %q, after %q", content, status, text, all)
		}
	}
}
