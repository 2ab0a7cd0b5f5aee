package gateway_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/sse"
)

const chatPath = "/v1/chat/completions"

func chatBody(stream bool, content string) string {
	s := "false"
	if stream {
		s = "true"
	}
	return `{"model":"words","stream":` + s + `,"messages":[{"role":"user","content":` + quote(content) + `}]}`
}

func TestChunksAreRelayedAsTheyAreAndDoneComesLast(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	w := s.record(request("POST", chatPath, chatBody(true, "Once upon")))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	golden(t, "chat.sse", w.Body.String())
	w = s.record(request("POST", chatPath, chatBody(false, "Once upon")))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"content":"Once upon"`) || !strings.Contains(w.Body.String(), `"object":"chat.completion"`) || !strings.Contains(w.Body.String(), `"total_tokens":3`) {
		t.Errorf("whole: %d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFailureBeforeTheFirstByteHasAStatusInOpenAIsShape(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	for _, stream := range []bool{true, false} {
		w := s.record(request("POST", chatPath, chatBody(stream, "FAIL")))
		if w.Code != 502 || w.Body.String() != `{"error":{"message":"cut","type":"server_error","param":null,"code":"upstream_cut"}}` {
			t.Errorf("stream %v: %d %s", stream, w.Code, w.Body)
		}
	}
	w := s.record(request("POST", chatPath, chatBody(false, "Once FAIL")))
	if w.Code != 502 {
		t.Errorf("whole, in the middle: %d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// On the raw bytes: no [DONE], and the chunked body has no end.
func TestAFailureMidStreamBreaksTheConnectionOff(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	url, client := s.onTCP(t)
	raw := func(content string) string {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		body := chatBody(true, content)
		if _, err := io.WriteString(conn, "POST "+chatPath+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: "+itoa(len(body))+"\r\n\r\n"+body); err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	whole, broken := raw("Once upon"), raw("Once FAIL")
	if !strings.HasSuffix(whole, "data: [DONE]\n\n\r\n0\r\n\r\n") {
		t.Errorf("a complete stream ends with %q", whole[max(0, len(whole)-60):])
	}
	if !strings.Contains(broken, `data: {"error":{"message":"cut","type":"server_error","param":null,"code":"upstream_cut"}}`+"\n\n") ||
		strings.Contains(broken, "[DONE]") || strings.HasSuffix(broken, "\r\n0\r\n\r\n") {
		t.Errorf("a broken stream: %q", broken)
	}
	res, err := client.Post(url+chatPath, "application/json", strings.NewReader(chatBody(true, "Once PANIC")))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil || bytes.Contains(b, []byte("[DONE]")) || !bytes.Contains(b, []byte(`"code":"internal"`)) {
		t.Errorf("a panic: %v %s", err, b)
	}
}

// Over HTTP/2 a stream that is broken off is reset, so that it does not look whole either.
func TestAFailureMidStreamResetsAnHTTP2Stream(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	url, _ := s.onTCP(t)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	for content, whole := range map[string]bool{"Once upon": true, "Once FAIL": false} {
		res, err := (&http.Client{Transport: transport}).Post(url+chatPath, "application/json", strings.NewReader(chatBody(true, content)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if res.ProtoMajor != 2 || (err == nil) != whole || bytes.Contains(b, []byte("[DONE]")) != whole {
			t.Errorf("%s: %s, %v, %s", content, res.Proto, err, b)
		}
	}
}

func TestAWaitingChatGetsHeartbeatsAndThenItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 1, 1, words(steps))
		client := s.inMemory(t)
		type response struct {
			status int
			text   string
			err    error
		}
		send := func(content string) <-chan response {
			got := make(chan response, 1)
			go func() {
				r, _ := http.NewRequestWithContext(t.Context(), "POST", "http://localhost"+chatPath, strings.NewReader(chatBody(true, content)))
				res, err := client.Do(r)
				if err != nil {
					got <- response{err: err}
					return
				}
				defer res.Body.Close()
				b, err := io.ReadAll(res.Body)
				got <- response{res.StatusCode, string(b), err}
			}()
			return got
		}
		slow := send("Once FAIL")
		time.Sleep(16 * time.Second)
		steps <- struct{}{}
		steps <- struct{}{}
		a := <-slow
		if a.status != 200 || !strings.HasPrefix(a.text, ": keep-alive\n\ndata: {") || a.err == nil || strings.Contains(a.text, "[DONE]") {
			t.Errorf("got %+v", a)
		}
	})
}

// A server's event that clients would take for the end fails the stream; they get that as an error.
func TestAnEventThatLooksLikeTheEndFailsTheStream(t *testing.T) {
	forged := new(forging)
	s := newServer(t, 4, 1, forgers(forged))
	for name, c := range map[string]struct {
		r     *http.Request
		event sse.Event
		want  string
	}{
		"chat":      {request("POST", chatPath, chatBody(true, "x")), sse.Event{Data: []byte("[DONE]")}, `data: {"error":{"message":"something went wrong here`},
		"native":    {request("POST", "/v1/models/other/stream", ""), sse.Event{Name: sse.MustName("done")}, ""},
		"responses": {request("POST", "/v1/responses", `{"model":"words","stream":true,"input":"x"}`), sse.Event{Data: []byte(`{"type":"response.completed"}`)}, `"code":"internal"`},
	} {
		forged.Store(&forgery{event: c.event})
		w, broken := s.recordBroken(c.r)
		if w.Code != 200 || !broken || strings.Contains(w.Body.String(), "event: done") || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if log := s.log.String(); strings.Count(log, "would pass for its end") < 3 {
		t.Errorf("the log: %s", log)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
