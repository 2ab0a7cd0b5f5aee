package upstreamtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Fault is something that the only upstream of a model does wrong, and what becomes of it.
type Fault struct {
	Name string

	Connection      Connection
	Streamed, Whole Script // how it responds to a streaming request, and to another
	First           Script // how it responds to the first request; nil: as to the others
	Timeout         Timeout
	Converted       bool // the client gets the response in another form

	Sees, SeesWhole         Result   // by the client; zero: the fault does not exist for such a request
	Attempts, WholeAttempts []string // the outcome of each request to the upstream
}

// Connection is what prevents a connection to the upstream.
type Connection int

// The connections.
const (
	Works Connection = iota
	Refused
	UnknownHost
	UnknownCertificate // of TLS
	NoTLS              // the server expects plain HTTP, and the client TLS
	NoHandshake        // the server accepts the connection and does not answer the TLS handshake
)

// Timeout is the timeout that a fault exceeds.
type Timeout int

// The timeouts.
const (
	NoTimeout Timeout = iota
	ConnectTimeout
	FirstTokenTimeout
	BetweenTokensTimeout
)

// Result is what a client must see.
type Result struct {
	Status     int    // of the response
	Code       string // of the error in it; "": the response is complete
	Own        bool   // the response is the upstream's own
	RetryAfter int    // in seconds
	Chunks     int    // of a stream, before its end or its error event
	Stream     bool   // the response is a stream
}

// String describes the result as docs/faults.md does.
func (r Result) String() string {
	switch {
	case r.Own && r.RetryAfter > 0:
		return fmt.Sprintf("the upstream's own %d, Retry-After: %d", r.Status, r.RetryAfter)
	case r.Own:
		return fmt.Sprintf("the upstream's own %d", r.Status)
	case r.Status != http.StatusOK:
		return fmt.Sprintf("%d `%s`", r.Status, r.Code)
	case r.Stream && r.Code == "":
		return "200, the complete response, `[DONE]`"
	case r.Stream:
		return fmt.Sprintf("200, %d chunks, an error event `%s`, cut", r.Chunks, r.Code)
	case r.Code == "":
		return "200, the complete response"
	}
	return "200, cut"
}

func refuses(status int, code string) Result { return Result{Status: status, Code: code} }

func own(status int, code string, retryAfter ...int) Result {
	r := Result{Status: status, Code: code, Own: true}
	for _, seconds := range retryAfter {
		r.RetryAfter = seconds
	}
	return r
}

func streams(chunks int, code string) Result {
	return Result{Status: http.StatusOK, Code: code, Chunks: chunks, Stream: true}
}

// Faults is the table of what can go wrong with an upstream.
func Faults() []Fault { //nolint:funlen // one table
	const m = "model-a"
	var (
		whole    = Completion(m)
		complete = Script{Answer(http.StatusOK, whole)}
		stream   = Whole(m, 3)
		two      = Send(Token(m, 0) + Token(m, 1)) // in one write: no timeout can end between them
		part     = Token(m, 2)[:30]
		finish   = Send(Finish(m))
		done     = Send(Done)
		half     = Together(Answer(http.StatusOK, whole[:len(whole)/2]), Send(""))
		html     = "<html>\r\n<h1>502 Bad Gateway</h1>\r\n</html>"
		large    = strings.Repeat("x", 5<<20)
		fox      = ContentEvent("🦊")
		split    = strings.Index(fox, "🦊") + 2
		errEvent = `data: {"error":{"message":"this is overloaded","type":"server_error","param":null,"code":"overloaded"}}` + "\n\n"
		bare     = `data: {"object":"error","message":"this is overloaded","type":"InternalServerError","param":null,"code":500}` + "\n\n"
		invalid  = "event: error\n" + `data: {"error":{"message":"bad","type":"invalid_request_error"}}` + "\n\n"
	)
	var (
		failed    = refuses(502, "upstream_error")
		cut       = refuses(502, "upstream_cut")
		late      = refuses(504, "upstream_timeout")
		denied    = refuses(502, "upstream_unauthorized")
		succeeds  = Result{Status: http.StatusOK}
		cutBody   = Result{Status: http.StatusOK, Code: "upstream_cut"}
		rejects   = own(400, "invalid_input")
		limits    = own(429, "rate_limited")
		cutStream = streams(2, "upstream_cut")
		badStream = streams(2, "upstream_error")
	)
	return slices.Concat([]Fault{
		// No response.
		{Name: "connection refused", Connection: Refused, Sees: failed, SeesWhole: failed, Attempts: twice("unreachable")},
		{Name: "DNS failure", Connection: UnknownHost, Sees: failed, SeesWhole: failed, Attempts: twice("unreachable")},
		{Name: "TLS failure: an unknown certificate", Connection: UnknownCertificate, Streamed: stream, Whole: complete, Sees: failed, SeesWhole: failed, Attempts: once("unreachable")},
		{Name: "TLS failure: a server without TLS", Connection: NoTLS, Streamed: stream, Whole: complete, Sees: failed, SeesWhole: failed, Attempts: once("unreachable")},
		{Name: "TLS handshake never answered", Connection: NoHandshake, Timeout: ConnectTimeout, Sees: late, SeesWhole: late, Attempts: once("timeout")},
		both(Fault{Name: "reset before the header", Sees: cut, SeesWhole: cut, Attempts: twice("cut")}, Reset),
		both(Fault{Name: "stall before the header", Timeout: FirstTokenTimeout, Sees: late, SeesWhole: late, Attempts: once("timeout")}, Stall),

		// A response that is not the requested one.
		both(Fault{Name: "401", Sees: denied, SeesWhole: denied, Attempts: once("unauthorized")}, Fail(401, "invalid_api_key")),
		both(Fault{Name: "403", Sees: denied, SeesWhole: denied, Attempts: once("unauthorized")}, Fail(403, "forbidden")),
		both(Fault{Name: "400", Sees: rejects, SeesWhole: rejects, Attempts: once("rejected")}, Fail(400, "bad")),
		both(Fault{Name: "400 context_length_exceeded", Sees: rejects, SeesWhole: rejects, Attempts: once("rejected")}, Fail(400, "context_length_exceeded")),
		both(Fault{Name: "404", Sees: own(404, "invalid_input"), SeesWhole: own(404, "invalid_input"), Attempts: once("rejected")}, Fail(404, "model_not_found")),
		both(Fault{Name: "429 with `Retry-After: 30`", Sees: own(429, "rate_limited", 30), SeesWhole: own(429, "rate_limited", 30), Attempts: once("rate_limited")}, Fail(429, "slow", "Retry-After", "30")),
		{Name: "429 with `Retry-After: 1`, then success", First: Script{Fail(429, "slow", "Retry-After", "1")}, Streamed: stream, Whole: complete, Sees: streams(6, ""), SeesWhole: succeeds, Attempts: []string{"rate_limited", "ok"}},
		both(Fault{Name: "429 without Retry-After", Sees: limits, SeesWhole: limits, Attempts: once("rate_limited")}, Fail(429, "slow")),
		both(Fault{Name: "500", Sees: own(500, "upstream_error"), SeesWhole: own(500, "upstream_error"), Attempts: twice("error")}, Fail(500, "oops")),
		{Name: "500, then success", First: Script{Fail(500, "oops")}, Streamed: stream, Whole: complete, Sees: streams(6, ""), SeesWhole: succeeds, Attempts: []string{"error", "ok"}},
		both(Fault{Name: "503", Sees: own(503, "upstream_error"), SeesWhole: own(503, "upstream_error"), Attempts: twice("error")}, Fail(503, "busy")),
		both(Fault{Name: "503 with `Retry-After: 30`", Sees: own(503, "upstream_error", 30), SeesWhole: own(503, "upstream_error", 30), Attempts: once("rate_limited")}, Fail(503, "busy", "Retry-After", "30")),
		both(Fault{Name: "502 with an HTML page", Sees: own(502, "upstream_error"), SeesWhole: own(502, "upstream_error"), Attempts: twice("error")}, Answer(502, html, "Content-Type", "text/html")),
		both(Fault{Name: "a redirection", Sees: failed, SeesWhole: failed, Attempts: once("error")}, Answer(302, "", "Location", "http://elsewhere.invalid/")),
		both(Fault{Name: "HTML instead of JSON", Sees: failed, SeesWhole: failed, Attempts: twice("error")}, Answer(200, html, "Content-Type", "text/html; charset=utf-8")),
		both(Fault{Name: "HTML declared as JSON", Sees: failed, SeesWhole: failed, Attempts: twice("error")}, Answer(200, html)),
		both(Fault{Name: "an error object as a 200", Sees: own(502, "upstream_error"), SeesWhole: own(502, "upstream_error"), Attempts: twice("error")}, Fail(200, "overloaded")),
		both(Fault{Name: "an encoding that was not requested (br)", Sees: failed, SeesWhole: failed, Attempts: twice("error")}, Answer(200, "…", "Content-Encoding", "br")),

		// A response that stops.
		{Name: "stall after the header", Streamed: Script{Head, Stall}, Whole: Script{Answer(200, ""), Head, Stall}, Timeout: FirstTokenTimeout, Sees: late, SeesWhole: late, Attempts: once("timeout")},
		{Name: "stall between tokens", Streamed: Script{two, Stall}, Whole: Script{half, Stall}, Timeout: BetweenTokensTimeout, Sees: streams(2, "upstream_timeout"), SeesWhole: late, Attempts: once("timeout")},
		{Name: "reset in the middle", Streamed: Script{two, Reset}, Whole: Script{half, Reset}, Sees: cutStream, SeesWhole: cut, Attempts: once("cut"), WholeAttempts: twice("cut")},
		{Name: "cut in an event", Streamed: Script{two, Send(part), Cut}, Whole: Script{half, Cut}, Sees: cutStream, SeesWhole: cut, Attempts: once("cut"), WholeAttempts: twice("cut")},
		{Name: "cut between events", Streamed: Script{two, Cut}, Sees: cutStream, Attempts: once("cut")},
		{Name: "cut after the last chunk, before `[DONE]`", Streamed: Script{two, finish, Cut}, Sees: streams(3, "upstream_cut"), Attempts: once("cut")},
		{Name: "a clean end in an event", Streamed: Script{two, Send(part)}, Sees: cutStream, Attempts: once("cut")},
		{Name: "a clean end between events", Streamed: Script{two}, Sees: cutStream, Attempts: once("cut")},
		{Name: "a clean end after the last chunk, without `[DONE]`", Streamed: Script{two, finish}, Sees: streams(3, ""), Attempts: once("ok")},
		{Name: "left open after the last chunk, without `[DONE]`", Streamed: Script{two, finish, Stall}, Sees: streams(3, ""), Attempts: once("ok")},
		{Name: "a clean end without an event", Streamed: Script{Head}, Sees: cut, Attempts: twice("cut")},
		{Name: "less than its Content-Length", Whole: Script{Answer(200, whole, "Content-Length", "1000")}, SeesWhole: cut, WholeAttempts: twice("cut")},
		{Name: "a whole response of 160 KiB cut", Whole: Script{Answer(200, LongBody()), Head, Cut}, SeesWhole: cutBody, WholeAttempts: once("cut")},
		{Name: "a whole response of 160 KiB without a length, cut", Whole: Script{Answer(200, LongBody(), "Transfer-Encoding", "identity")}, SeesWhole: cutBody, WholeAttempts: once("cut")},
	}, []Fault{
		// A response that is malformed or unusual.
		{Name: "invalid JSON", Streamed: Script{two, Send("data: {\"id\":}\n\n"), done}, Whole: Script{Answer(200, `{"id":}`)}, Sees: badStream, SeesWhole: failed, Attempts: once("error"), WholeAttempts: twice("error")},
		{Name: "`[DONE]` without an empty line after it", Streamed: Script{two, Send("data: [DONE]")}, Sees: streams(2, ""), Attempts: once("ok")},
		{Name: "`[DONE]` with a space after it", Streamed: Script{two, Send("data: [DONE] \n\n")}, Sees: streams(2, ""), Attempts: once("ok")},
		{Name: "an error event", Streamed: Script{two, Send(errEvent)}, Sees: badStream, Attempts: once("error")},
		{Name: "an error event without an envelope", Streamed: Script{two, Send(bare), done}, Sees: badStream, Attempts: once("error")},
		{Name: "an error event before all others", Streamed: Script{Send(errEvent)}, Sees: own(502, "upstream_error"), Attempts: twice("error")},
		{Name: "an error event before all others, about the request", Streamed: Script{Send(invalid)}, Sees: rejects, Attempts: once("rejected")},
		{Name: "gzip that was not requested", Streamed: Script{Gzip("text/event-stream", Token(m, 0)+Finish(m)+Done)}, Whole: Script{Gzip("application/json", whole)}, Sees: streams(2, ""), SeesWhole: succeeds, Attempts: once("ok")},
		{Name: "a UTF-8 character split between two writes", Streamed: Script{Send(fox[:split]), Send(fox[split:]), finish, done}, Whole: Script{Answer(200, `{"x":"`+"🦊"[:2]), Send("🦊"[2:] + `"}`)}, Sees: streams(2, ""), SeesWhole: succeeds, Attempts: once("ok")},
		{Name: "a UTF-8 character split between two events", Streamed: Script{Send(ContentEvent("🦊"[:2])), Send(ContentEvent("🦊"[2:])), finish, done}, Sees: streams(3, ""), Attempts: once("ok")},
		{Name: "an event larger than max_event", Streamed: Script{two, Send(ContentEvent(large)), done}, Whole: Script{Answer(200, `{"x":"`+large+`"}`)}, Sees: badStream, SeesWhole: succeeds, Attempts: once("error"), WholeAttempts: once("ok")},
	}, formFaults(m))
}

func once(outcome string) []string  { return []string{outcome} }
func twice(outcome string) []string { return []string{outcome, outcome} }

// both returns the fault of an upstream that responds with act to any request.
func both(f Fault, act Act) Fault {
	f.Streamed, f.Whole = Script{act}, Script{act}
	return f
}

// LongBody is the beginning of a JSON object, and longer than what is held back until its end is
// there.
func LongBody() string {
	return `{"choices":[],"padding":"` + strings.Repeat("0123456789abcdef", 10<<10)
}

// ContentEvent is an event with that content, which is not escaped.
func ContentEvent(content string) string {
	return `data: {"choices":[{"index":0,"delta":{"content":"` + content + `"}}]}` + "\n\n"
}

// Together is several acts as one.
func Together(acts ...Act) Act {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, act := range acts {
			act(w, r)
		}
	}
}

// Gzip sends a compressed response.
func Gzip(contentType, text string) Act {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text) // writing to a buffer does not fail
	_ = z.Close()
	return Answer(http.StatusOK, b.String(), "Content-Type", contentType, "Content-Encoding", "gzip")
}
