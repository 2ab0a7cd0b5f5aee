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

// create starts a stream of its own and returns its id and url.
func create(t testing.TB, h *house, prompt string) (id, url string) {
	t.Helper()
	w := h.record(request("POST", "/v1/streams", `{"model":"words","input":{"prompt":`+quote(prompt)+`}}`))
	var made struct{ ID, URL string }
	if err := json.Unmarshal(w.Body.Bytes(), &made); w.Code != 201 || err != nil || len(made.ID) != 32 || made.URL != "/v1/streams/"+made.ID || w.Header().Get("Location") != made.URL {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	return made.ID, made.URL
}

func TestAStreamOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 1, 1, words(nil))
		id, url := create(t, h, "Once upon a\n time")
		get := func(headers ...string) *httptest.ResponseRecorder {
			return h.record(request("GET", url, "", headers...))
		}
		golden(t, "post.sse", get().Body.String())
		golden(t, "resumed.sse", get("Last-Event-ID", id+"-2").Body.String())
		golden(t, "resumed.sse", h.record(request("GET", url+"?last_event_id="+id+"-2", "")).Body.String())
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
		if strings.Contains(h.log.String(), id) {
			t.Error("the log holds a stream's whole id")
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDeletingAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		h := newHouse(t, 1, 1, words(steps))
		id, url := create(t, h, "one two")
		steps <- struct{}{}
		synctest.Wait()
		if w := h.record(request("DELETE", url, "")); w.Code != 204 {
			t.Errorf("DELETE: %d %s", w.Code, w.Body)
		}
		synctest.Wait()
		if g := h.Snapshot().Gates[0]; g.InUse != 0 {
			t.Errorf("it runs on: %+v", g)
		}
		golden(t, "deleted.sse", h.record(request("GET", url, "", "Last-Event-ID", id+"-0")).Body.String())
		if w := h.record(request("DELETE", "/v1/streams/"+strings.Repeat("0", 32), "")); w.Code != 404 {
			t.Errorf("DELETE of none: %d", w.Code)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestReadingAStreamThatWasDeletedBeforeItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 1, 1, words(make(chan struct{})))
		id, url := create(t, h, "one two")
		if w := h.record(request("DELETE", url, "")); w.Code != 204 {
			t.Errorf("DELETE: %d %s", w.Code, w.Body)
		}
		synctest.Wait()
		w := h.record(request("GET", url, ""))
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), "id: "+id+"-0\n") || !strings.Contains(w.Body.String(), `"code":"canceled"`) {
			t.Errorf("GET: %d %s", w.Code, w.Body)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnEventSourceComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		h := newHouse(t, 1, 1, words(steps))
		client := h.inMemory(t)
		const url = "http://localhost/v1/models/words/stream?prompt=one+two+three"
		first := listen(t, client, "GET", url, "")
		steps <- struct{}{}
		synctest.Wait()
		first.leave() // cut
		<-first.over
		id := streamID.FindString(first.text)
		time.Sleep(2 * time.Second)
		if g := h.Snapshot().Gates[0]; g.InUse != 1 {
			t.Fatalf("its generation was not kept: %+v", g)
		}
		second := listen(t, client, "GET", url, "", "Last-Event-ID", id+"-1")
		steps <- struct{}{}
		steps <- struct{}{}
		golden(t, "eventsource.sse", second.whole(t))
		if w := h.record(request("GET", "/v1/models/words/stream?prompt=one+two+three", "", "Last-Event-ID", id+"-4")); w.Code != 204 {
			t.Errorf("after the end: %d", w.Code)
		}
		time.Sleep(8 * time.Second)
		if w := h.record(request("GET", "/v1/models/words/stream?prompt=one+two+three", "", "Last-Event-ID", id+"-4")); w.Code != 404 {
			t.Errorf("after its lease: %d", w.Code)
		}
		if n := strings.Count(metrics(h), "\npenstock_streams_total{model=\"words\",outcome=\"done\"} 1"); n != 1 {
			t.Error("more than one generation ran")
		}
	})
}

func metrics(h *house) string { return h.record(request("GET", "/metrics", "")).Body.String() }

func TestAChatThatCanBeResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 1, 1, words(nil))
		w := h.record(request("POST", chatPath, chatBody(true, "Once upon a time"), "X-Penstock-Resumable", "1"))
		url := w.Header().Get("Location")
		golden(t, "chat_resumable.sse", w.Body.String())
		id := strings.TrimPrefix(url, "/v1/streams/")
		golden(t, "chat_resumed.sse", h.record(request("GET", url, "", "Last-Event-ID", id+"-3")).Body.String())
		if w := h.record(request("GET", url, "", "Last-Event-ID", id+"-5")); w.Code != http.StatusNoContent {
			t.Errorf("after [DONE]: %d %s", w.Code, w.Body)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestBadStreams(t *testing.T) {
	h := newHouse(t, 1, 1, func(e *engine.Engine) {
		words(nil)(e)
		doubler(func(_ context.Context, n int) (int, error) { return n, nil })(e)
	})
	for body, want := range map[string]string{
		"":                                      "invalid_json",
		"[]":                                    "invalid_json",
		`{"model":"words","input":{},"x":1}`:    "invalid_json",
		`{"model":"words"}`:                     "invalid_input",
		`{"input":{}}`:                          "invalid_input",
		`{"model":"words","input":[1]}`:         "invalid_json",
		`{"model":"none","input":{}}`:           "model_not_found",
		`{"model":"org/doubler","input":{}}`:    "not_acceptable",
		`{"model":"words","input":{}} trailing`: "invalid_json",
		`{"model":"words","input":{}}}`:         "invalid_json",
		`{"model":"words","input":{}}]`:         "invalid_json",
		`{"MODEL":"words","input":{}}`:          "invalid_json",
		`{"model":"x","model":"words"}`:         "invalid_json",
		`{"model":1,"input":{}}`:                "invalid_json",
	} {
		if got := code(t, h.record(request("POST", "/v1/streams", body)).Body); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	if w := h.record(request("GET", "/v1/streams/", "")); w.Code != 404 {
		t.Errorf("no id: %d", w.Code)
	}
	if w := h.record(request("GET", "/v1/models/words/stream?prompt=x", "", "Last-Event-ID", strings.Repeat("0", 32)+"-1")); w.Code != 404 {
		t.Errorf("an unknown stream by its model: %d", w.Code)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", "-", "0123456789abcdef0123456789abcdef-1", "x-1", "0123456789abcdef0123456789abcdef-18446744073709551615", "\x00", "é-1"} {
		f.Add(seed)
	}
	h := newHouse(f, 1, 1, words(nil))
	f.Cleanup(func() { _ = h.Close() })
	f.Fuzz(func(t *testing.T, id string) {
		r := request("GET", "/v1/models/words/stream", "")
		r.Header["Last-Event-Id"] = []string{id}
		if w := h.record(r); id != "" && w.Code != 400 && w.Code != 404 {
			t.Errorf("%q: %d %s", id, w.Code, w.Body)
		}
	})
}

// A client who leaves before it has heard where its stream can be read has left it to nobody.
func TestAResumableChatThatNobodyHeardOfEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 1, 1, words(make(chan struct{})))
		l := listen(t, h.inMemory(t), "POST", "http://localhost"+chatPath, `{"model":"words","stream":true,"messages":[{"role":"user","content":"one two"}]}`, "X-Penstock-Resumable", "1")
		synctest.Wait()
		l.leave()
		synctest.Wait()
		if g := h.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 {
			t.Errorf("it runs on: %+v", g)
		}
	})
}
