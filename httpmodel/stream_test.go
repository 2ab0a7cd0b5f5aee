package httpmodel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"

	"penstock/httpmodel"
	"penstock/test/server"
)

// events returns what a client gets of a stream, each event as name:data, or of an error response.
func (f *fixture) events(path string) string {
	f.Helper()
	r, err := f.Send(f.Context(), "POST", path, `{"prompt":"x"}`, "Accept", "text/event-stream", "Content-Type", "application/json")
	if err != nil {
		f.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(r.Body)
		e := server.Response{Status: r.StatusCode, Body: string(body)}.Error(f)
		return fmt.Sprintf("%d:%s\n", r.StatusCode, e.Message)
	}
	var b strings.Builder
	for e, err := range sse.Read(r.Body, nil) {
		if err != nil {
			f.Fatal(err)
		}
		if e.Data != "" && e.Type != "started" && e.Type != "queued" {
			fmt.Fprintf(&b, "%s:%s\n", e.Type, e.Data)
		}
	}
	return b.String()
}

const wellDone = `done:{"reason":"stop","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}` + "\n"

func failedWith(code, message string) string {
	return fmt.Sprintf("failed:{\"code\":%q,\"message\":%q}\n", code, message)
}

const cutMessage = "the upstream ended its response before it was complete; try again"

// streamCases are responses, and what clients get of them.
var streamCases = []struct {
	name   string
	stream httpmodel.Stream
	body   string
	want   string // with a length, or in chunks
	closed string // without: the connection's end is all there is
}{
	{
		"sse",
		httpmodel.Stream{Format: httpmodel.FormatSSE},
		"data: {\"text\":\"a\"}\n\nid: 77\nevent: part\ndata: b\n\ndata: [DONE]\n\n",
		":{\"text\":\"a\"}\npart:b\n" + wellDone, ":{\"text\":\"a\"}\npart:b\n" + wellDone,
	},
	{
		"sse done",
		httpmodel.Stream{Format: httpmodel.FormatSSE},
		"data: 1\n\nevent: done\ndata: {\"reason\":\"length\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n",
		":1\ndone:{\"reason\":\"length\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n",
		":1\ndone:{\"reason\":\"length\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n",
	},
	{
		"sse end",
		httpmodel.Stream{Format: httpmodel.FormatSSE, End: "finished"},
		"data: 1\n\nevent: finished\ndata: {}\n\n",
		":1\n" + wellDone, ":1\n" + wellDone,
	},
	{
		"sse without an end",
		httpmodel.Stream{Format: httpmodel.FormatSSE},
		"data: 1\n\n",
		":1\n" + failedWith("upstream_cut", cutMessage), ":1\n" + failedWith("upstream_cut", cutMessage),
	},
	{
		"sse error",
		httpmodel.Stream{Format: httpmodel.FormatSSE},
		"data: 1\n\nevent: error\ndata: {\"message\":\"no memory\"}\n\n",
		":1\n" + failedWith("upstream_error", "the upstream reported an error: no memory"), ":1\n" + failedWith("upstream_error", "the upstream reported an error: no memory"),
	},
	{
		"ndjson",
		httpmodel.Stream{Format: httpmodel.FormatJSON},
		"{\"text\":\"a\"}\n\n{\"text\":\"b\"}",
		":{\"text\":\"a\"}\n:{\"text\":\"b\"}\n" + wellDone, ":{\"text\":\"a\"}\n" + failedWith("upstream_cut", cutMessage),
	},
	{
		"ndjson error",
		httpmodel.Stream{Format: httpmodel.FormatJSON},
		"{\"text\":\"a\"}\n{\"error\":\"boom\"}\n",
		":{\"text\":\"a\"}\n" + failedWith("upstream_error", "the upstream reported an error: boom"), ":{\"text\":\"a\"}\n" + failedWith("upstream_error", "the upstream reported an error: boom"),
	},
	{
		"ndjson malformed",
		httpmodel.Stream{Format: httpmodel.FormatJSON},
		"1\nnot JSON\n",
		":1\n" + failedWith("upstream_error", "the upstream sent a malformed response; try again"), ":1\n" + failedWith("upstream_error", "the upstream sent a malformed response; try again"),
	},
	{
		"text",
		httpmodel.Stream{Format: httpmodel.FormatText},
		"Hé\n\"you\" 🙂",
		":{\"text\":\"Hé\\n\\\"you\\\" 🙂\"}\n" + wellDone, ":{\"text\":\"Hé\\n\\\"you\\\" 🙂\"}\n" + failedWith("upstream_cut", cutMessage),
	},
	{"nothing", httpmodel.Stream{Format: httpmodel.FormatText}, "", wellDone, "502:" + cutMessage + "\n"},
}

func TestStreamsOfEveryFormat(t *testing.T) {
	for _, test := range streamCases {
		for name, response := range map[string]string{
			"chunks":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + inChunks(test.body, 1<<10),
			"length":       fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(test.body), test.body),
			"1.0 length":   fmt.Sprintf("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(test.body), test.body),
			"1.0":          "HTTP/1.0 200 OK\r\n\r\n" + test.body,
			"to the close": "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + test.body,
		} {
			c := config()
			s := test.stream
			s.Endpoint = *at(raw(t, func(w io.Writer, _ *http.Request) { io.WriteString(w, response) }))
			c.Stream = &s
			f := start(t, c)
			want := test.want
			if name == "1.0" || name == "to the close" {
				want = test.closed
			}
			if got := f.events("/v1/models/m/stream"); got != want {
				t.Errorf("%s, %s:\n%swant\n%s", test.name, name, got, want)
			}
		}
	}
}

// Whatever byte a stream is cut at, it never looks complete, unless its own end is there.
func TestStreamsCutAtEveryByte(t *testing.T) {
	for _, test := range streamCases {
		if !strings.HasSuffix(test.want, wellDone) || test.body == "" {
			continue
		}
		head := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		response := head + inChunks(test.body, 9)
		n := 0
		c := config()
		s := test.stream
		s.Endpoint = *at(raw(t, func(w io.Writer, r *http.Request) {
			_, _ = fmt.Sscan(r.URL.Query().Get("n"), &n)
			_, _ = io.WriteString(w, response[:n])
		}))
		c.Stream = &s
		f := start(t, c)
		for cut := len(head); cut <= len(response); cut++ {
			got := f.events(fmt.Sprintf("/v1/models/m/stream?n=%d", cut))
			whole := cut == len(response) || test.stream.Format == httpmodel.FormatSSE && cut >= len(response)-len("\r\n0\r\n\r\n") // its end is an event
			if strings.Contains(got, "done:") != whole {
				t.Errorf("%s, cut at %d of %d: %s", test.name, cut, len(response), got)
			}
		}
	}
}

// The text of a server reads as that of a local model: as plain text, and collected.
func TestTextsOfAStream(t *testing.T) {
	for format, body := range map[httpmodel.Format]string{
		httpmodel.FormatText: "Hé 🙂!", httpmodel.FormatJSON: "{\"text\":\"Hé \"}\n{\"text\":\"🙂!\"}\n",
		httpmodel.FormatSSE: "data: {\"text\":\"Hé \"}\n\ndata: {\"text\":\"🙂!\"}\n\nevent: done\ndata: {}\n\n",
	} {
		c := config()
		c.Stream = streamAt(format, serve(t, func(w http.ResponseWriter, r *http.Request) {
			in, _ := io.ReadAll(r.Body)
			if string(in) != `{"prompt":"x"}` {
				t.Errorf("the server gets %s", in)
			}
			for i := range len(body) {
				write(w, body[i:i+1])
			}
		}))
		f := start(t, c)
		for _, got := range []string{
			f.Do("POST", "/v1/models/m/stream", `{"prompt":"x"}`, "Accept", "text/plain").Body,
			f.Do("GET", "/v1/models/m/stream?prompt=x", "", "Accept", "text/plain").Body,
		} {
			if got != "Hé 🙂!" {
				t.Errorf("%s: as text %q", format, got)
			}
		}
		if got := f.Post("/v1/models/m:predict", `{"prompt":"x"}`).Body; got != `{"output":"Hé 🙂!","reason":"stop","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}` {
			t.Errorf("%s: collected %s", format, got)
		}
	}
}

func TestAModelWithBothVerbs(t *testing.T) {
	c := config()
	c.Preprocess = at(serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/pre")
		fmt.Fprintf(w, "pre")
	}))
	c.Predict = at(serve(t, echo))
	c.Stream = streamAt(httpmodel.FormatText, serve(t, echo))
	f := start(t, c)
	const want = `POST / text/pre "pre"`
	if got := f.Post("/v1/models/m:predict", "1").Body; got != want {
		t.Errorf("predict: %s", got)
	}
	if got := f.Do("POST", "/v1/models/m/stream", "1", "Accept", "text/plain").Body; got != want {
		t.Errorf("stream: %s", got)
	}
	var list struct {
		Data []struct {
			Penstock struct{ Verbs []string }
		}
	}
	if err := json.Unmarshal([]byte(f.Get("/v1/models").Body), &list); err != nil || fmt.Sprint(list.Data[0].Penstock.Verbs) != "[predict stream]" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestARejectionOfAStream(t *testing.T) {
	c := config()
	c.Stream = streamAt(httpmodel.FormatSSE, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(422)
		fmt.Fprint(w, `{"detail": "no prompt"}`)
	}))
	f := start(t, c)
	if got, want := f.events("/v1/models/m/stream"), "422:no prompt\n"; got != want {
		t.Errorf("%s", got)
	}
	got := f.Do("POST", "/v1/models/m/stream", "1", "Accept", "text/plain")
	if e := got.Error(t); got.Status != 422 || e.Message != "no prompt" {
		t.Errorf("as text: %d %+v", got.Status, e)
	}
	if got := f.Post("/v1/models/m:predict", "1"); got.Status != 422 {
		t.Errorf("collected: %d %s", got.Status, got.Body)
	}
}

func TestAReaderResumesAStream(t *testing.T) {
	next := make(chan string)
	requests := make(chan struct{}, 10)
	c := config()
	c.Stream = streamAt(httpmodel.FormatJSON, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		requests <- struct{}{}
		for line := range next {
			write(w, line+"\n")
		}
	}))
	f := startWith(t, c, 50*time.Millisecond) // which make a head
	first := f.Open("GET", "/v1/models/m/stream?prompt=x", "")
	next <- "1"
	var id string
	for id == "" {
		e, err := first.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e.Data == "1" {
			id = e.LastEventID
		}
	}
	first.Close()
	again := f.Open("GET", "/v1/models/m/stream?prompt=x&last_event_id="+id, "")
	next <- "2"
	other := f.Open("GET", "/v1/models/m/stream?prompt=x&last_event_id="+id, "") // several readers
	next <- "3"
	close(next)
	for i, s := range []*server.Stream{again, other} {
		got := ""
		for _, e := range s.Rest() {
			got += e.Type + e.Data[:1] + " "
		}
		if got != "2 3 done{ " {
			t.Errorf("reader %d: %q", i, got)
		}
	}
	if len(requests) != 1 {
		t.Errorf("the server got %d requests", len(requests))
	}
}

func TestAStreamOfASilentServerHasHeartbeatsAndCanBeCanceled(t *testing.T) {
	for name, first := range map[string]string{"before the first chunk": "", "after it": "data: 1\n\n"} {
		left := make(chan struct{})
		c := config()
		c.Stream = streamAt(httpmodel.FormatSSE, serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if first != "" {
				write(w, first)
			}
			<-r.Context().Done()
			close(left)
		}))
		f := startWith(t, c, 50*time.Millisecond)
		ctx, leave := context.WithCancel(t.Context())
		r, err := f.Send(ctx, "POST", "/v1/models/m/stream", "1", "Accept", "text/event-stream")
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		buf := make([]byte, 1<<10)
		for strings.Count(got.String(), ": keep-alive") < 2 {
			n, err := r.Body.Read(buf)
			if got.Write(buf[:n]); err != nil {
				t.Fatalf("%s: %v after %q", name, err, got.String())
			}
		}
		leave()
		r.Body.Close()
		<-left
	}
}
