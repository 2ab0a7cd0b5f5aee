package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/engine"
)

// create starts a detached stream and returns its id and url.
func create(t testing.TB, s *server, prompt string) (id, url string) {
	t.Helper()
	return createOf(t, s, "words", `{"prompt":`+quote(prompt)+`}`)
}

// createOf is create for any model and input.
func createOf(t testing.TB, s *server, model, input string) (id, url string) {
	t.Helper()
	w := s.record(request("POST", "/v1/streams", `{"model":`+quote(model)+`,"input":`+input+`}`))
	var made struct{ ID, URL string }
	if err := json.Unmarshal(w.Body.Bytes(), &made); w.Code != 201 || err != nil || len(made.ID) != 32 || made.URL != "/v1/streams/"+made.ID || w.Header().Get("Location") != made.URL {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	return made.ID, made.URL
}

func TestADetachedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 1, words(nil))
		id, url := create(t, s, "Once upon a\n time")
		get := func(headers ...string) *httptest.ResponseRecorder {
			return s.record(request("GET", url, "", headers...))
		}
		golden(t, "post.sse", get().Body.String())
		golden(t, "resumed.sse", get("Last-Event-ID", id+"-2").Body.String())
		golden(t, "resumed.sse", s.record(request("GET", url+"?last_event_id="+id+"-2", "")).Body.String())
		golden(t, "post_again.sse", get("Last-Event-ID", id+"-0").Body.String())
		if w := get("Last-Event-ID", id+"-5"); w.Code != 204 || w.Body.Len() != 0 {
			t.Errorf("after the terminal event: %d %s", w.Code, w.Body)
		}
		for last, want := range map[string]int{
			id + "-6": 410, id + "-99999999999": 410, id + "-99999999999999999999": 400, id + "--1": 400, id + "-+1": 400, id + "-01": 400,
			id + "-": 400, id: 400, "-1": 400, "x": 400, strings.Repeat("0", 32) + "-1": 400, strings.ToUpper(id) + "-1x": 400,
		} {
			if w := get("Last-Event-ID", last); w.Code != want {
				t.Errorf("Last-Event-ID %s: %d %s", last, w.Code, w.Body)
			}
		}
		time.Sleep(61 * time.Second)
		if w := get(); w.Code != 404 || code(t, w.Body) != "not_found" {
			t.Errorf("after its window: %d", w.Code)
		}
		if strings.Contains(s.log.String(), id) {
			t.Error("the log holds a stream's whole id")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDeletingAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 1, 1, words(steps))
		id, url := create(t, s, "one two")
		steps <- struct{}{}
		synctest.Wait()
		if w := s.record(request("DELETE", url, "")); w.Code != 204 {
			t.Errorf("DELETE: %d %s", w.Code, w.Body)
		}
		synctest.Wait()
		if g := s.Snapshot().Gates[0]; g.InUse != 0 {
			t.Errorf("it runs on: %+v", g)
		}
		golden(t, "deleted.sse", s.record(request("GET", url, "", "Last-Event-ID", id+"-0")).Body.String())
		if w := s.record(request("DELETE", "/v1/streams/"+strings.Repeat("0", 32), "")); w.Code != 404 {
			t.Errorf("DELETE of none: %d", w.Code)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestReadingAStreamThatWasDeletedBeforeItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 1, words(make(chan struct{})))
		id, url := create(t, s, "one two")
		if w := s.record(request("DELETE", url, "")); w.Code != 204 {
			t.Errorf("DELETE: %d %s", w.Code, w.Body)
		}
		synctest.Wait()
		w := s.record(request("GET", url, ""))
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), "id: "+id+"-0\n") || !strings.Contains(w.Body.String(), `"code":"canceled"`) {
			t.Errorf("GET: %d %s", w.Code, w.Body)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnEventSourceReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 1, 1, words(steps))
		client := s.inMemory(t)
		const url = "http://localhost/v1/models/words/stream?prompt=one+two+three"
		first := listen(t, client, "GET", url, "")
		steps <- struct{}{}
		synctest.Wait()
		first.leave() // cut
		<-first.over
		id := streamID.FindString(first.text)
		time.Sleep(2 * time.Second)
		if g := s.Snapshot().Gates[0]; g.InUse != 1 {
			t.Fatalf("its generation did not go on: %+v", g)
		}
		second := listen(t, client, "GET", url, "", "Last-Event-ID", id+"-1")
		steps <- struct{}{}
		steps <- struct{}{}
		golden(t, "eventsource.sse", second.whole(t))
		if w := s.record(request("GET", "/v1/models/words/stream?prompt=one+two+three", "", "Last-Event-ID", id+"-4")); w.Code != 204 {
			t.Errorf("after the end: %d", w.Code)
		}
		time.Sleep(8 * time.Second)
		if w := s.record(request("GET", "/v1/models/words/stream?prompt=one+two+three", "", "Last-Event-ID", id+"-4")); w.Code != 404 {
			t.Errorf("after its lease: %d", w.Code)
		}
		if n := strings.Count(metrics(s), "\npenstock_streams_total{model=\"words\",outcome=\"done\"} 1"); n != 1 {
			t.Error("more than one generation ran")
		}
	})
}

func metrics(s *server) string { return s.record(request("GET", "/metrics", "")).Body.String() }

func TestAResumableChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 1, words(nil))
		w := s.record(request("POST", chatPath, chatBody(true, "Once upon a time"), "X-Penstock-Resumable", "1"))
		url := w.Header().Get("Location")
		golden(t, "chat_resumable.sse", w.Body.String())
		id := strings.TrimPrefix(url, "/v1/streams/")
		golden(t, "chat_resumed.sse", s.record(request("GET", url, "", "Last-Event-ID", id+"-3")).Body.String())
		if w := s.record(request("GET", url, "", "Last-Event-ID", id+"-5")); w.Code != http.StatusNoContent {
			t.Errorf("after [DONE]: %d %s", w.Code, w.Body)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestBadRequestsForStreams(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		words(nil)(e)
		counter(e)
		doubler(func(_ context.Context, n int) (int, error) { return n, nil })(e)
	})
	for body, want := range map[string]string{
		"":                                      "invalid_json",
		"[]":                                    "invalid_json",
		`{"model":"words","input":{},"x":1}`:    "invalid_json",
		`{"model":"words"}`:                     "invalid_input",
		`{"input":{}}`:                          "invalid_input",
		`{"model":"words","input":[1]}`:         "invalid_json",
		`{"model":"counter","input":[1]}`:       "invalid_json",
		`{"model":"none","input":{}}`:           "model_not_found",
		`{"model":"org/doubler","input":{}}`:    "not_acceptable",
		`{"model":"words","input":{}} trailing`: "invalid_json",
		`{"model":"words","input":{}}}`:         "invalid_json",
		`{"model":"words","input":{}}]`:         "invalid_json",
		`{"MODEL":"words","input":{}}`:          "invalid_json",
		`{"model":"x","model":"words"}`:         "invalid_json",
		`{"model":1,"input":{}}`:                "invalid_json",
	} {
		if got := code(t, s.record(request("POST", "/v1/streams", body)).Body); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	if w := s.record(request("GET", "/v1/streams/", "")); w.Code != 404 {
		t.Errorf("no id: %d", w.Code)
	}
	if w := s.record(request("GET", "/v1/models/words/stream?prompt=x", "", "Last-Event-ID", strings.Repeat("0", 32)+"-1")); w.Code != 404 {
		t.Errorf("an unknown stream by its model: %d", w.Code)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", "-", "0123456789abcdef0123456789abcdef-1", "x-1", "0123456789abcdef0123456789abcdef-18446744073709551615", "\x00", "é-1"} {
		f.Add(seed)
	}
	s := newServer(f, 1, 1, words(nil))
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, id string) {
		r := request("GET", "/v1/models/words/stream", "")
		r.Header["Last-Event-Id"] = []string{id}
		if w := s.record(r); id != "" && w.Code != 400 && w.Code != 404 {
			t.Errorf("%q: %d %s", id, w.Code, w.Body)
		}
	})
}

// A client that disconnects before it has the stream's Location leaves it without any reader.
func TestAResumableChatWhoseLocationWasNotSentEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 1, words(make(chan struct{})))
		l := listen(t, s.inMemory(t), "POST", "http://localhost"+chatPath, `{"model":"words","stream":true,"messages":[{"role":"user","content":"one two"}]}`, "X-Penstock-Resumable", "1")
		synctest.Wait()
		l.leave()
		synctest.Wait()
		if g := s.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 {
			t.Errorf("it runs on: %+v", g)
		}
	})
}
