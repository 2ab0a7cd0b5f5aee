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
	"regexp"
	"strings"
	"testing"
	"time"

	"penstock/test/server"
)

// received is a response as a client has read it from its socket.
type received struct {
	streams      bool
	disconnected bool // the client disconnected before the end
	raw          []byte
	status       int
	header       http.Header
	body         string
	clean        bool // the body is as long as its header says, or has its last chunk
}

// request sends the row's request over a socket and reads the response.
func (f fault) request(t *testing.T, address string, streams bool, u *recordedUpstream) received {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(server.Patience)); err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"model":"gpt","stream":%t,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`, streams)
	const header = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
	if _, err := fmt.Fprintf(conn, header, len(body), body); err != nil {
		t.Fatal(err)
	}
	got := received{streams: streams, disconnected: f.disconnects}
	if f.disconnects {
		<-u.requested
	}
	if f.disconnects && !strings.HasPrefix(f.sees, "200") {
		return got
	}
	var raw bytes.Buffer
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &raw)), nil) //nolint:bodyclose // closing it would read to its end: closing the connection suffices
	if err != nil {
		t.Fatalf("%v after %q", err, raw.Bytes())
	}
	got.status, got.header = response.StatusCode, response.Header
	if f.disconnects {
		piece := make([]byte, 4<<10)
		n, err := response.Body.Read(piece)
		if err != nil {
			t.Error(err)
		}
		got.body = string(piece[:n])
		return got
	}
	if f.behind != nil {
		<-f.behind
	}
	if f.lazy {
		u.script.Requests(true)
	}
	all, err := io.ReadAll(response.Body)
	if err != nil {
		// After a body that is cut, the connection has no further bytes.
		if _, more := conn.Read(make([]byte, 1)); more == nil || errors.Is(more, net.ErrClosed) {
			t.Errorf("after a body that ended with %v, the connection is still open", err)
		}
	}
	got.body, got.clean, got.raw = string(all), err == nil, raw.Bytes()
	if chunked := len(response.TransferEncoding) > 0; chunked && got.clean != bytes.HasSuffix(got.raw, []byte("\r\n0\r\n\r\n")) {
		t.Errorf("the raw bytes end with %q", got.raw[max(0, len(got.raw)-40):])
	}
	return got
}

// describe describes the response as docs/faults.md does.
func (r received) describe() string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	switch {
	case r.status == 0:
		return "nothing"
	case r.status != http.StatusOK && r.own():
		add("the upstream's own %d", r.status)
	case r.status != http.StatusOK:
		add("%d %s", r.status, errorIn(r.body))
	case !r.streams:
		add("200")
		if r.clean {
			add("the complete response")
		}
	default:
		add("200")
		data, failure, done := r.events()
		switch {
		case failure != "" || r.disconnected:
			add("%d chunks", len(data))
		case done:
			add("the complete response")
		case !done:
			add("chunks")
		}
		if strings.HasPrefix(r.body, ": keep-alive\n\n") {
			words[len(words)-1] = "heartbeats" // there is nothing else
		}
		if failure != "" {
			add("an error event %s", errorIn(failure))
		}
		if done {
			add("`[DONE]`")
		}
	}
	if after := r.header.Get("Retry-After"); after != "" {
		add("Retry-After: %s", after)
	}
	if r.disconnected {
		return strings.Join(words, ", ") + " before it disconnects"
	}
	if !r.clean {
		add("cut")
	}
	return strings.Join(words, ", ")
}

// own reports whether the header is the upstream's.
func (r received) own() bool { return r.header.Get("X-Penstock-Upstream") != "" }

// errorIn returns the code of an error object in OpenAI's shape.
func errorIn(object string) string {
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

// events returns the data of a stream's chunks, that of its error event, and whether it has [DONE].
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

// check checks what is true of every response: the upstream's bytes are unchanged and have the
// upstream's name, and no response shows the upstream's address or the key for it.
func (r received) check(t *testing.T, sent, address string) {
	t.Helper()
	if bytes.Contains(r.raw, []byte(address)) || bytes.Contains(r.raw, []byte(secret)) {
		t.Errorf("the response shows the upstream's address or key: %.1000q", r.raw)
	}
	if r.status == 0 {
		return
	}
	if name := r.header.Get("X-Penstock-Upstream"); name != "" && name != "a" {
		t.Errorf("the upstream's name is %q", name)
	}
	if r.header.Get("X-Request-Id") == "" {
		t.Error("the response has no X-Request-Id")
	}
	if r.status != http.StatusOK {
		if r.own() && !strings.Contains(sent, r.body) { // it may have been an event
			t.Errorf("the upstream's own response became %q", r.body)
		}
		return
	}
	if r.streams {
		r.checkStream(t, sent)
		return
	}
	if !r.own() || !strings.HasPrefix(sent, r.body) || r.clean && r.body != sent {
		t.Errorf("received %d of %d bytes, from %q", len(r.body), len(sent), r.header.Get("X-Penstock-Upstream"))
	}
}

func (r received) checkStream(t *testing.T, sent string) {
	t.Helper()
	if kind := r.header.Get("Content-Type"); kind != "text/event-stream; charset=utf-8" {
		t.Errorf("the stream's type is %q", kind)
	}
	data, _, _ := r.events()
	if len(data) > 0 != r.own() {
		t.Errorf("received %d chunks, from %q", len(data), r.header.Get("X-Penstock-Upstream"))
	}
	if !r.clean && len(data) > 0 && !strings.HasSuffix(r.body, "\n\n") {
		data = data[:len(data)-1] // cut in the middle
	}
	var events []string
	for event := range strings.SplitSeq(strings.TrimSpace(sent), "\n\n") {
		events = append(events, strings.TrimPrefix(event, "data: "))
	}
	if len(data) > len(events) {
		t.Fatalf("received %d chunks of %d", len(data), len(events))
	}
	for i := range data {
		if data[i] != events[i] {
			t.Fatalf("chunk %d is %.200q, not %.200q", i, data[i], events[i])
		}
	}
}

// texts are the contents in chunks and in whole responses.
var texts = regexp.MustCompile(`"content":"([^"]*)"`)

// checkText checks that the client has the text that was sent, in another form.
func (r received) checkText(t *testing.T, sent string) {
	t.Helper()
	join := func(s string) (text string) {
		for _, m := range texts.FindAllStringSubmatch(s, -1) {
			text += m[1]
		}
		return text
	}
	if got, want := join(r.body), join(sent); got != want || got == "" {
		t.Errorf("the client has the text %q of %q", got, want)
	}
}
