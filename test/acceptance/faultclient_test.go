package acceptance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// received is an answer as it came over the socket.
type received struct {
	streams bool
	gone    bool // the client left before the end
	raw     []byte
	status  int
	header  http.Header
	body    string
	clean   bool // the body ended as its head or its last piece says
}

// ask sends the row's request by hand and reads the answer.
func (f fault) ask(t *testing.T, address string, streams bool, u *scripted) received {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"model":"gpt","stream":%t,"messages":[{"role":"user","content":"hi"}]}`, streams)
	if _, err := fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
	got := received{streams: streams, gone: f.gone}
	if f.gone {
		<-u.asked
	}
	if f.gone && !strings.HasPrefix(f.sees, "200") {
		return got
	}
	var raw bytes.Buffer
	server.Response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &raw)), nil) //nolint:bodyclose // it would read on to the end: closing the connection does
	if err != nil {
		t.Fatalf("%v after %q", err, raw.Bytes())
	}
	got.status, got.header = answer.StatusCode, answer.Header
	if f.gone {
		piece := make([]byte, 4<<10)
		n, err := answer.Body.Read(piece)
		if err != nil {
			t.Error(err)
		}
		got.body = string(piece[:n])
		return got
	}
	if f.begun != nil {
		close(f.begun)
	}
	if f.lazy {
		u.script.Requests(true)
	}
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		// Beyond what came, the connection has ended: nothing pretends to be the rest.
		if _, more := conn.Read(make([]byte, 1)); more == nil || errors.Is(more, net.ErrClosed) {
			t.Errorf("after a body that broke off with %v, the connection goes on", err)
		}
	}
	got.body, got.clean, got.raw = string(all), err == nil, raw.Bytes()
	if chunked := len(answer.TransferEncoding) > 0; chunked && got.clean != bytes.HasSuffix(got.raw, []byte("\r\n0\r\n\r\n")) {
		t.Errorf("the raw bytes end with %q", got.raw[max(0, len(got.raw)-40):])
	}
	return got
}

// told says in the document's words what the client sees.
func (r received) told() string {
	var words []string
	say := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	switch {
	case r.status == 0:
		return "nothing: it has left"
	case r.status != http.StatusOK && r.own():
		say("the upstream's own %d", r.status)
	case r.status != http.StatusOK:
		say("%d %s", r.status, r.errorIn(r.body))
	case !r.streams:
		say("200")
		if r.clean {
			say("the whole answer")
		}
	default:
		say("200")
		data, failure, done := r.events()
		switch {
		case failure != "" || r.gone:
			say("%d chunks", len(data))
		case done:
			say("the whole answer")
		case !done:
			say("chunks")
		}
		if strings.HasPrefix(r.body, ": keep-alive\n\n") {
			words[len(words)-1] = "heartbeats" // nothing else came
		}
		if failure != "" {
			say("an error event %s", r.errorIn(failure))
		}
		if done {
			say("`[DONE]`")
		}
	}
	if after := r.header.Get("Retry-After"); after != "" {
		say("Retry-After: %s", after)
	}
	switch {
	case r.gone:
		say("then it leaves")
	case !r.clean:
		say("broken off")
	}
	return strings.Join(words, ", ")
}

// own tells whether the head is the upstream's.
func (r received) own() bool { return r.header.Get("X-Penstock-Upstream") != "" }

// errorIn names an error object of OpenAI's shape.
func (received) errorIn(object string) string {
	var body struct {
		Error *struct {
			Message, Type, Code string
			Param               *string
		}
	}
	if err := json.Unmarshal([]byte(object), &body); err != nil || body.Error == nil || body.Error.Message == "" || body.Error.Type == "" {
		return fmt.Sprintf("with no error object but %.200q", object)
	}
	return fmt.Sprintf("`%s`", body.Error.Code)
}

// events takes a stream apart: the data of its chunks, that of the error event, and whether [DONE] came.
func (r received) events() (data []string, failure string, done bool) {
	for event := range strings.SplitSeq(r.body, "\n\n") {
		text, isData := strings.CutPrefix(event, "data: ")
		switch {
		case !isData: // a comment, or nothing
		case text == "[DONE]":
			done = true
		case strings.HasPrefix(text, `{"error"`):
			failure = text
		default:
			data = append(data, text)
		}
	}
	return data, failure, done
}

// check holds what every answer must be, whatever has happened: byte for byte the upstream's where it is the upstream's,
// with its name, and never telling anybody its address or our key.
func (r received) check(t *testing.T, wrote, address string) {
	t.Helper()
	if bytes.Contains(r.raw, []byte(address)) || bytes.Contains(r.raw, []byte(secret)) {
		t.Errorf("the client is told too much: %.1000q", r.raw)
	}
	if r.status == 0 {
		return
	}
	if name := r.header.Get("X-Penstock-Upstream"); name != "" && name != "a" {
		t.Errorf("the upstream is named %q", name)
	}
	if r.header.Get("X-Request-Id") == "" {
		t.Error("the answer has no X-Request-Id")
	}
	if r.status != http.StatusOK {
		if r.own() && !strings.Contains(wrote, r.body) { // it may have been an event
			t.Errorf("the upstream's own answer became %q", r.body)
		}
		return
	}
	if r.streams {
		r.checkStream(t, wrote)
		return
	}
	if !r.own() || !strings.HasPrefix(wrote, r.body) || r.clean && r.body != wrote {
		t.Errorf("of %d bytes %d came, by %q", len(wrote), len(r.body), r.header.Get("X-Penstock-Upstream"))
	}
}

func (r received) checkStream(t *testing.T, wrote string) {
	t.Helper()
	if kind := r.header.Get("Content-Type"); kind != "text/event-stream; charset=utf-8" {
		t.Errorf("the stream's type is %q", kind)
	}
	data, _, _ := r.events()
	if len(data) > 0 != r.own() {
		t.Errorf("%d chunks came, by %q", len(data), r.header.Get("X-Penstock-Upstream"))
	}
	if !r.clean && len(data) > 0 && !strings.HasSuffix(r.body, "\n\n") {
		data = data[:len(data)-1] // cut in the middle
	}
	var sent []string
	for event := range strings.SplitSeq(strings.TrimSpace(wrote), "\n\n") {
		sent = append(sent, strings.TrimPrefix(event, "data: "))
	}
	if len(data) > len(sent) {
		t.Fatalf("%d chunks came of %d", len(data), len(sent))
	}
	for i := range data {
		if data[i] != sent[i] {
			t.Fatalf("chunk %d is %.200q, not %.200q", i, data[i], sent[i])
		}
	}
}
