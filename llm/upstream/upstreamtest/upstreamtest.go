// Package upstreamtest is an OpenAI-compatible server for tests that misbehaves on demand: it can
// cut and reset connections, stall, send malformed responses and return any status. Faults is the
// table of what can go wrong with an upstream, and of what its client must see. The package is for
// tests only.
//
//	s := upstreamtest.New(
//		upstreamtest.Script{upstreamtest.Tokens("m", 0, 40), upstreamtest.Cut}, // first
//		upstreamtest.Whole("m", 60), // all others
//	)
//	go http.Serve(listener, s)
//
// It works with any listener, in virtual time too.
package upstreamtest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Act is one action of the server in response to a request.
type Act func(w http.ResponseWriter, r *http.Request)

// Script is how the server responds to one request: its acts in order.
type Script []Act

// Request is a request that the server has received.
type Request struct {
	At     time.Time
	Path   string
	Header http.Header
	Body   string
	Left   time.Time // when the client disconnected before the end of the script; else zero
}

// Server is an http.Handler that runs its scripts, one for each request, and the last one for all
// that follow.
type Server struct {
	mu       sync.Mutex
	scripts  []Script
	requests []Request
	ended    sync.WaitGroup
}

// New returns a server with these scripts.
func New(scripts ...Script) *Server {
	return &Server{scripts: scripts}
}

// Play sets the scripts from the next request on.
func (s *Server) Play(scripts ...Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = scripts
}

// Requests returns the requests received so far. If wait is set, it first waits for the end of
// those that are being served.
func (s *Server) Requests(wait bool) []Request {
	if wait {
		s.ended.Wait()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	script := s.scripts[0]
	if len(s.scripts) > 1 {
		s.scripts = s.scripts[1:]
	}
	number := len(s.requests)
	s.requests = append(s.requests, Request{At: time.Now(), Path: r.URL.Path, Header: r.Header, Body: string(body)})
	s.ended.Add(1)
	s.mu.Unlock()
	defer s.ended.Done()
	defer func() {
		if r.Context().Err() != nil {
			s.mu.Lock()
			s.requests[number].Left = time.Now()
			s.mu.Unlock()
		}
	}()
	for _, act := range script {
		act(w, r)
	}
}

// Send writes text as it is, as an event stream if nothing has been written yet.
func Send(text string) Act {
	return func(w http.ResponseWriter, _ *http.Request) {
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		if _, err := io.WriteString(w, text); err != nil {
			panic(http.ErrAbortHandler)
		}
		_ = http.NewResponseController(w).Flush() // the next write finds that the client has disconnected
	}
}

// Answer writes a whole response. Headers are pairs of a name and a value.
func Answer(status int, body string, headers ...string) Act {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client may have disconnected
	}
}

// Fail writes a response with OpenAI's error object.
func Fail(status int, code string, headers ...string) Act {
	return Answer(status, fmt.Sprintf(`{"error":{"message":"this is %s","type":"test","param":null,"code":%q}}`, code, code), headers...)
}

// Head sends the header of an event stream and no event.
func Head(w http.ResponseWriter, r *http.Request) { Send("")(w, r) }

// Cut closes the connection, in the middle of a body without its end.
func Cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Reset resets the connection, before or in the middle of a response.
func Reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the connection is closed, and not reset
	}
	conn.Close()
	panic(http.ErrAbortHandler)
}

// Stall waits until the client disconnects.
func Stall(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Pause waits for d, or until the client disconnects.
func Pause(d time.Duration) Act {
	return func(_ http.ResponseWriter, r *http.Request) {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// The events of a chat completion by the model of that name.

// Done is the end of an event stream.
const Done = "data: [DONE]\n\n"

func chunk(model, choices, more string) string {
	return fmt.Sprintf("data: {\"id\":\"chatcmpl-%s\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":%q,\"choices\":[%s]%s}\n\n", model, model, choices, more)
}

// Role is the first event, which has no content yet.
func Role(model string) string {
	return chunk(model, `{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}`, "")
}

// Token is the event of token number i; its text is Text(i, i+1).
func Token(model string, i int) string {
	return chunk(model, fmt.Sprintf(`{"index":0,"delta":{"content":%q},"logprobs":null,"finish_reason":null}`, Text(i, i+1)), "")
}

// Finish is the event with the finish reason.
func Finish(model string) string {
	return chunk(model, `{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}`, "")
}

// Usage is the event with the token usage.
func Usage(model string) string {
	return chunk(model, "", `,"usage":{"prompt_tokens":7,"completion_tokens":60,"total_tokens":67}`)
}

// Text returns the tokens from number i up to, not including, number n.
func Text(i, n int) string {
	var b strings.Builder
	for ; i < n; i++ {
		fmt.Fprintf(&b, "w%d ", i)
	}
	return b.String()
}

// Tokens sends tokens number i up to, not including, number n, each in a write of its own.
func Tokens(model string, i, n int) Act {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := i; i < n; i++ { // an act runs more than once
			Send(Token(model, i))(w, r)
		}
	}
}

// Whole streams a complete response of n tokens.
func Whole(model string, n int) Script {
	return Script{Send(Role(model)), Tokens(model, 0, n), Send(Finish(model)), Send(Usage(model)), Send(Done)}
}

// Completion is a complete response that is not streamed.
func Completion(model string) string {
	return fmt.Sprintf(`{"id":"chatcmpl-%s","object":"chat.completion","created":1700000000,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`, model, model)
}
