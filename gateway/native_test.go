package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tmaxmax/go-sse"
)

var streamID = regexp.MustCompile(`[0-9a-f]{32}`)

// golden compares a transcript with testdata/name, ids replaced; PENSTOCK_UPDATE_GOLDEN=1 writes it
// anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = streamID.ReplaceAllString(got, "ID")
	file := filepath.Join("testdata", name)
	if os.Getenv("PENSTOCK_UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s\nwant\n%s", name, got, want)
	}
}

// parse reads a transcript with an independent parser.
func parse(t *testing.T, r io.Reader) (events []sse.Event) {
	t.Helper()
	for ev, err := range sse.Read(r, nil) {
		if err != nil {
			t.Fatalf("go-sse: %v", err)
		}
		events = append(events, ev)
	}
	return events
}

func TestAStreamsTranscript(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	for name, r := range map[string]*http.Request{
		"post.sse":     request("POST", "/v1/models/words/stream", `{"prompt":"Once upon a\n time"}`),
		"get.sse":      request("GET", "/v1/models/words/stream?prompt=Once+upon+a%0A+time", ""),
		"predict.sse":  request("POST", "/v1/models/words:predict", `{"prompt":"Once upon a\n time"}`, "Accept", "text/event-stream"),
		"failed.sse":   request("POST", "/v1/models/words/stream", `{"prompt":"Once FAIL"}`),
		"panicked.sse": request("POST", "/v1/models/words/stream", `{"prompt":"Once PANIC"}`),
	} {
		w := s.record(r)
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream; charset=utf-8" || w.Header().Get("Cache-Control") != "no-cache, no-transform" || w.Header().Get("X-Accel-Buffering") != "no" || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if strings.HasSuffix(name, "predict.sse") || strings.HasPrefix(name, "get") {
			name = "post.sse" // the same in all three ways
		}
		golden(t, name, w.Body.String())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnIndependentParserReadsEveryEvent(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	text := "Zwölf Boxkämpfer\r\njagen \u2028 Viktor\tquer \"über\" den\\ großen 🦊 Deich "
	w := s.record(request("POST", "/v1/models/words/stream", `{"prompt":`+quote(text)+`}`))
	var got strings.Builder
	last := ""
	chunks := 0
	for _, ev := range parse(t, w.Body) {
		if ev.Data == "" { // sets the last event id; a browser dispatches nothing
			continue
		}
		last = ev.Type
		switch ev.Type {
		case "":
			chunks++
			got.WriteString(field(t, ev.Data, "text"))
			if !strings.HasSuffix(ev.LastEventID, "-"+itoa(chunks)) {
				t.Errorf("chunk %d has the id %s", chunks, ev.LastEventID)
			}
		case "started":
			if field(t, ev.Data, "model") != "words" {
				t.Errorf("started: %s", ev.Data)
			}
		}
	}
	if got.String() != text || last != "done" {
		t.Errorf("got %q, then %s", got.String(), last)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAWholeResponseOfAGenerator(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	want := `{"output":"Once upon a time","reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":4,"total_tokens":5}}`
	for _, r := range []*http.Request{
		request("POST", "/v1/models/words:predict", `{"prompt":"Once upon a time"}`),
		request("POST", "/v1/models/words/predict", `{"prompt":"Once upon a time"}`),
		request("POST", "/v1/models/words/stream", `{"prompt":"Once upon a time"}`, "Accept", "application/json"),
	} {
		if w := s.record(r); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s", r.URL, w.Code, w.Body)
		}
	}
	w := s.record(request("POST", "/v1/models/words:predict", `{"prompt":"Once FAIL"}`))
	if w.Code != 502 || code(t, w.Body) != "upstream_cut" {
		t.Errorf("a failure: %d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFailureBeforeTheFirstByteHasAStatus(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	w := s.record(request("POST", "/v1/models/words/stream", `{"prompt":""}`))
	if w.Code != 400 || code(t, w.Body) != "invalid_input" || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	w = s.record(request("GET", "/v1/models/words/stream?prompt=FAIL", ""))
	if w.Code != 502 || code(t, w.Body) != "upstream_cut" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Heartbeats, positions in the queue and the queue's timeout, over HTTP in virtual time.
func TestAQueuedClientGetsPositionsAndHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 1, 10, words(steps))
		client := s.inMemory(t)
		first := open(t, client, "first")
		synctest.Wait()
		second := open(t, client, "second")
		time.Sleep(20 * time.Second) // virtual
		steps <- struct{}{}
		if got := first.whole(t); !strings.Contains(got, ": keep-alive\n\n") || !strings.Contains(got, "event: done") {
			t.Errorf("first: %s", got)
		}
		time.Sleep(20 * time.Second)
		steps <- struct{}{}
		golden(t, "queued.sse", second.whole(t))

		third := open(t, client, "third")
		synctest.Wait()
		fourth := open(t, client, "fourth") // has its position, so its failure is an event
		time.Sleep(41 * time.Second)
		golden(t, "queue_timeout.sse", fourth.whole(t))
		steps <- struct{}{}
		third.whole(t)
	})
}

func TestAClientThatDisconnectsLeavesTheQueueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 1, 10, words(steps))
		client := s.inMemory(t)
		first := open(t, client, "first")
		synctest.Wait()
		waiting := open(t, client, "second")
		synctest.Wait()
		if g := s.Snapshot().Gates[0]; g.Waiting != 1 || g.Inside != 2 {
			t.Errorf("before: %+v", g)
		}
		waiting.leave()
		synctest.Wait()
		if g := s.Snapshot().Gates[0]; g.Waiting != 0 || g.Inside != 1 {
			t.Errorf("after: %+v", g)
		}
		steps <- struct{}{}
		first.whole(t)
	})
}

func TestAClientThatDisconnectsMidStreamStopsTheGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 1, 0, words(steps))
		client := s.inMemory(t)
		l := open(t, client, "one two three four")
		steps <- struct{}{}
		synctest.Wait()
		l.leave()
		synctest.Wait()
		if g := s.Snapshot().Gates[0]; g.InUse != 0 {
			t.Errorf("its permit was not released: %+v", g)
		}
		select {
		case steps <- struct{}{}:
			t.Error("the generator still waits for a step")
		default:
		}
	})
}

func TestAStuckReaderIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, words(nil))
		client := s.inMemory(t)
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://localhost/v1/models/words/stream", strings.NewReader(`{"prompt":"`+strings.Repeat("word ", 50_000)+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		time.Sleep(13 * time.Second)
		if g := s.Snapshot(); g.Readers != 0 || g.Gates[0].InUse != 0 {
			t.Errorf("still there after the write timeout: %+v", g)
		}
		b, err := io.ReadAll(res.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) || bytes.Contains(b, []byte("event: done")) {
			t.Errorf("the reader saw %v", err)
		}
	})
}

func TestDrainingLetsStreamsEndAndRefusesNewWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 2, 10, words(steps))
		client := s.inMemory(t)
		short, long := open(t, client, "one two"), open(t, client, "three four")
		synctest.Wait()
		s.Drain()
		for path, want := range map[string]int{"/readyz": 503, "/healthz": 200, "/v1/models/words/stream?prompt=x": 503} {
			if w := s.record(request("GET", path, "")); w.Code != want || (want == 503 && w.Header().Get("Retry-After") == "") {
				t.Errorf("%s: %d %v", path, w.Code, w.Header())
			}
		}
		for range 2 {
			steps <- struct{}{}
		}
		synctest.Wait()
		_ = s.Close() // the grace is over
		for _, l := range []*listener{short, long} {
			if got := l.whole(t); !strings.Contains(got, "event: failed\ndata: {\"code\":\"draining\"") {
				t.Errorf("got %s", got)
			}
		}
	})
}

// listener is a client that reads its stream as it comes.
type listener struct {
	leave  context.CancelFunc
	over   chan struct{}
	status int
	text   string
	err    error
}

// open starts a plain stream and reads it.
func open(t *testing.T, client *http.Client, prompt string) *listener {
	return listen(t, client, "POST", "http://localhost/v1/models/words/stream", `{"prompt":`+quote(prompt)+`}`)
}

// listen sends a request and reads the response as it comes.
func listen(t *testing.T, client *http.Client, method, url, body string, headers ...string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &listener{leave: cancel, over: make(chan struct{})}
	go func() {
		defer close(l.over)
		r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
		if err != nil {
			l.err = err
			return
		}
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		res, err := client.Do(r)
		if err != nil {
			l.err = err
			return
		}
		defer res.Body.Close()
		l.status = res.StatusCode
		b, err := io.ReadAll(res.Body)
		l.text, l.err = string(b), err
	}()
	return l
}

// whole waits for the stream's end and returns all of it.
func (l *listener) whole(t *testing.T) string {
	t.Helper()
	<-l.over
	l.leave()
	if l.err != nil {
		t.Errorf("read: %v", l.err)
	}
	return l.text
}
