package acceptance

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"penstock/gateway"
	"penstock/llm/upstream"
	test "penstock/llm/upstream/upstreamtest"
)

// faults is the table of docs/faults.md.
func faults() []fault {
	const m = "model-a"
	var (
		whole  = test.Completion(m)
		answer = test.Answer(http.StatusOK, whole)
		stream = test.Whole(m, 3)
		two    = test.Send(test.Token(m, 0) + test.Token(m, 1)) // in one piece: no limit runs out between them
		third  = test.Token(m, 2)
		finish = test.Send(test.Finish(m))
		half   = then(test.Answer(http.StatusOK, whole[:len(whole)/2]), test.Send(""))
		long   = `{"choices":[],"padding":"` + strings.Repeat("0123456789abcdef", 10<<10) // more than is held back
		rude   = "data: {\"error\":{\"message\":\"this is overloaded\",\"type\":\"server_error\",\"param\":null,\"code\":\"overloaded\"}}\n\n"
		bare   = "data: {\"object\":\"error\",\"message\":\"this is overloaded\",\"type\":\"InternalServerError\",\"param\":null,\"code\":500}\n\n"
		page   = "<html>\r\n<h1>502 Bad Gateway</h1>\r\n</html>"
		html   = []string{"Content-Type", "text/html"}
		great  = strings.Repeat("x", 5<<20)
		fox    = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"🦊\"}}]}\n\n"
		reads  = make(chan struct{})
		split  = strings.Index(fox, "🦊") + 2
	)
	const (
		unreachable = "502 `upstream_error`"
		cutStream   = "200, 2 chunks, an error event `upstream_cut`, broken off"
		badStream   = "200, 2 chunks, an error event `upstream_error`, broken off"
		lateStream  = "200, 2 chunks, an error event `upstream_timeout`, broken off"
		cutWhole    = "502 `upstream_cut`"
		late        = "504 `upstream_timeout`"
		allStream   = "200, the whole server.Response, `[DONE]`"
		allWhole    = "200, the whole answer"
	)
	return []fault{
		// No answer.
		{name: "connection refused", at: refused, sees: unreachable, seesWhole: unreachable, asked: "2 × unreachable"},
		{name: "DNS failure", at: nameless, sees: unreachable, seesWhole: unreachable, asked: "2 × unreachable"},
		{name: "TLS failure: a certificate nobody knows", at: stranger, both: test.Script{answer}, sees: unreachable, seesWhole: unreachable, asked: "unreachable"},
		{name: "TLS failure: no TLS there", at: plain, both: test.Script{answer}, sees: unreachable, seesWhole: unreachable, asked: "unreachable"},
		{name: "TLS handshake never answered", at: deaf, timeouts: connect, sees: late, seesWhole: late, asked: "timeout"},
		{name: "reset before the head", both: test.Script{test.Reset}, sees: cutWhole, seesWhole: cutWhole, asked: "2 × cut"},
		{name: "stall before the head", both: test.Script{test.Stall}, timeouts: first, sees: late, seesWhole: late, asked: "timeout"},
		{name: "stall before the head, longer than `heartbeat`", both: test.Script{test.Stall}, timeouts: patient, gateway: heartbeats, sees: "200, heartbeats, an error event `upstream_timeout`, broken off", seesWhole: late, asked: "timeout"},

		// An answer that is another than was asked for.
		{name: "401", both: fails(401, "invalid_api_key"), sees: "502 `upstream_unauthorized`", seesWhole: "502 `upstream_unauthorized`", asked: "unauthorized"},
		{name: "403", both: fails(403, "forbidden"), sees: "502 `upstream_unauthorized`", seesWhole: "502 `upstream_unauthorized`", asked: "unauthorized"},
		{name: "400", both: fails(400, "bad"), sees: "the upstream's own 400", seesWhole: "the upstream's own 400", asked: "rejected"},
		{name: "400 context_length_exceeded", both: fails(400, "context_length_exceeded"), sees: "the upstream's own 400", seesWhole: "the upstream's own 400", asked: "rejected"},
		{name: "404", both: fails(404, "model_not_found"), sees: "the upstream's own 404", seesWhole: "the upstream's own 404", asked: "rejected"},
		{name: "429 with `Retry-After: 30`", both: fails(429, "slow", "Retry-After", "30"), sees: "the upstream's own 429, Retry-After: 30", seesWhole: "the upstream's own 429, Retry-After: 30", asked: "rate_limited"},
		{name: "429 with `Retry-After: 1`, then well", first: fails(429, "slow", "Retry-After", "1"), streamed: stream, whole: test.Script{answer}, sees: allStream, seesWhole: allWhole, asked: "rate_limited, ok"},
		{name: "429 without Retry-After", both: fails(429, "slow"), sees: "the upstream's own 429", seesWhole: "the upstream's own 429", asked: "rate_limited"},
		{name: "500", both: fails(500, "oops"), sees: "the upstream's own 500", seesWhole: "the upstream's own 500", asked: "2 × error"},
		{name: "500, then well", first: fails(500, "oops"), streamed: stream, whole: test.Script{answer}, sees: allStream, seesWhole: allWhole, asked: "error, ok"},
		{name: "503", both: fails(503, "busy"), sees: "the upstream's own 503", seesWhole: "the upstream's own 503", asked: "2 × error"},
		{name: "503 with `Retry-After: 30`", both: fails(503, "busy", "Retry-After", "30"), sees: "the upstream's own 503, Retry-After: 30", seesWhole: "the upstream's own 503, Retry-After: 30", asked: "rate_limited"},
		{name: "502 with a page of HTML", both: test.Script{test.Answer(502, page, html...)}, sees: "the upstream's own 502", seesWhole: "the upstream's own 502", asked: "2 × error"},
		{name: "a redirection", both: test.Script{test.Answer(302, "", "Location", "http://elsewhere.invalid/")}, sees: unreachable, seesWhole: unreachable, asked: "error"},
		{name: "HTML instead of JSON", both: test.Script{test.Answer(200, page, html...)}, sees: unreachable, seesWhole: unreachable, asked: "2 × error"},
		{name: "an error object as a 200", both: fails(200, "overloaded"), sees: "the upstream's own 502", seesWhole: "the upstream's own 502", asked: "2 × error"},
		{name: "an encoding nobody asked for (br)", both: test.Script{test.Answer(200, "…", "Content-Encoding", "br")}, sees: unreachable, seesWhole: unreachable, asked: "2 × error"},

		// An answer that stops.
		{name: "stall after the head", streamed: test.Script{test.Head, test.Stall}, whole: test.Script{test.Answer(200, ""), test.Head, test.Stall}, timeouts: first, sees: late, seesWhole: late, asked: "timeout"},
		{name: "stall between tokens", streamed: test.Script{two, test.Stall}, whole: test.Script{half, test.Stall}, timeouts: between, sees: lateStream, seesWhole: late, asked: "timeout"},
		{name: "reset in the middle", streamed: test.Script{two, test.Reset}, whole: test.Script{half, test.Reset}, sees: cutStream, seesWhole: cutWhole, asked: "cut", askedWhole: "2 × cut"},
		{name: "cut mid-event", streamed: test.Script{two, test.Send(third[:30]), test.Cut}, whole: test.Script{half, test.Cut}, sees: cutStream, seesWhole: cutWhole, asked: "cut", askedWhole: "2 × cut"},
		{name: "cut between events", streamed: test.Script{two, test.Cut}, sees: cutStream, asked: "cut"},
		{name: "cut after the last chunk, before `[DONE]`", streamed: test.Script{two, finish, test.Cut}, sees: "200, 3 chunks, an error event `upstream_cut`, broken off", asked: "cut"},
		{name: "a clean end mid-event", streamed: test.Script{two, test.Send(third[:30])}, sees: cutStream, asked: "cut"},
		{name: "a clean end between events", streamed: test.Script{two}, sees: cutStream, asked: "cut"},
		{name: "a clean end after the last chunk, without `[DONE]`", streamed: test.Script{two, finish}, sees: allStream, asked: "ok"},
		{name: "left open after the last chunk, without `[DONE]`", streamed: test.Script{two, finish, test.Stall}, sees: allStream, asked: "ok"},
		{name: "a clean end without an event", streamed: test.Script{test.Head}, sees: cutWhole, asked: "2 × cut"},
		{name: "less than its Content-Length", whole: test.Script{test.Answer(200, whole, "Content-Length", "1000")}, seesWhole: cutWhole, asked: "", askedWhole: "2 × cut"},
		{name: "a whole answer of 160 KiB cut", whole: test.Script{test.Answer(200, long), test.Head, test.Cut}, seesWhole: "200, broken off", askedWhole: "cut"},
		{name: "a whole answer of 160 KiB without a length, cut", whole: test.Script{test.Answer(200, long, "Transfer-Encoding", "identity")}, seesWhole: "200, broken off", askedWhole: "cut"},

		// An answer that is odd.
		{name: "invalid JSON", streamed: test.Script{two, test.Send("data: {\"id\":}\n\n"), test.Send(test.Done)}, whole: test.Script{test.Answer(200, `{"id":}`)}, sees: badStream, seesWhole: unreachable, asked: "error", askedWhole: "2 × error"},
		{name: "an error event", streamed: test.Script{two, test.Send(rude)}, sees: badStream, asked: "error"},
		{name: "an error event without an envelope", streamed: test.Script{two, test.Send(bare), test.Send(test.Done)}, sees: badStream, asked: "error"},
		{name: "an error event before all others", streamed: test.Script{test.Send(rude)}, sees: "the upstream's own 502", asked: "2 × error"},
		{name: "gzip, unasked", streamed: test.Script{packed("text/event-stream", test.Token(m, 0)+test.Finish(m)+test.Done)}, whole: test.Script{packed("application/json", whole)}, sees: allStream, seesWhole: allWhole, asked: "ok"},
		{name: "half a UTF-8 character at a chunk's edge", streamed: test.Script{test.Send(fox[:split]), test.Send(fox[split:]), finish, test.Send(test.Done)}, whole: test.Script{test.Answer(200, `{"x":"`+"🦊"[:2]), test.Send("🦊"[2:] + `"}`)}, sees: allStream, seesWhole: allWhole, asked: "ok"},
		{name: "half a UTF-8 character in an event, half in the next", streamed: test.Script{test.Send(strings.Replace(fox, "🦊", "🦊"[:2], 1)), test.Send(strings.Replace(fox, "🦊", "🦊"[2:], 1)), finish, test.Send(test.Done)}, sees: allStream, asked: "ok"},
		{name: "5 MiB in one event", streamed: test.Script{two, test.Send(strings.Replace(fox, "🦊", great, 1)), test.Send(test.Done)}, whole: test.Script{test.Answer(200, `{"x":"`+great+`"}`)}, sees: badStream, seesWhole: allWhole, asked: "error", askedWhole: "ok"},

		// A client that is slow, or gone.
		{name: "the upstream is faster than the client, by less than `buffer`", streamed: test.Script{repeat(96, chunkOf64KiB), finish, test.Send(test.Done)}, lazy: true, sees: allStream, asked: "ok"},
		{name: "the upstream is faster than the client, by more than `buffer`", streamed: test.Script{two, await(reads), flood(chunkOf64KiB)}, begun: reads, gateway: smallBuffer, lazy: true, sees: "200, chunks, broken off", asked: "canceled"},
		{name: "the client takes nothing for `write_timeout`", whole: test.Script{test.Answer(200, `{"x":"`), flood(great)}, gateway: impatient, lazy: true, seesWhole: "200, broken off", askedWhole: "canceled"},
		{name: "the client leaves before the first token", both: test.Script{test.Stall}, gone: true, sees: "nothing: it has left", seesWhole: "nothing: it has left", asked: "canceled"},
		{name: "the client leaves in the middle", streamed: test.Script{two, test.Stall}, whole: test.Script{test.Answer(200, long), test.Head, test.Stall}, gone: true, sees: "200, 2 chunks, then it leaves", seesWhole: "200, then it leaves", asked: "canceled"},
	}
}

func refused(_ *testing.T, s *httptest.Server) string {
	s.Close()
	return "http://" + s.Listener.Addr().String()
}

// nameless is a name that no resolver need be asked for: a part of it is too long to be one.
func nameless(*testing.T, *httptest.Server) string {
	return "http://" + strings.Repeat("a", 64) + ".invalid"
}

func stranger(_ *testing.T, s *httptest.Server) string {
	s.StartTLS()
	return s.URL
}

func plain(_ *testing.T, s *httptest.Server) string {
	s.Start()
	return strings.Replace(s.URL, "http://", "https://", 1)
}

// deaf is a server whose connections the kernel takes, and nobody else.
func deaf(_ *testing.T, s *httptest.Server) string {
	return "https://" + s.Listener.Addr().String()
}

func connect(t *upstream.Timeouts) { t.Connect = brief }
func between(t *upstream.Timeouts) { t.BetweenTokens = brief }
func patient(t *upstream.Timeouts) { t.FirstToken, t.Whole = 10*brief, 10*brief } // a heartbeat comes before, on any machine
func first(t *upstream.Timeouts)   { t.FirstToken, t.Whole, t.BetweenTokens = brief, brief, brief }

func heartbeats(o *gateway.Options)  { o.Heartbeat = brief / 30 }
func smallBuffer(o *gateway.Options) { o.Buffer = 1 << 20 }
func impatient(o *gateway.Options)   { o.WriteTimeout = brief }

func fails(status int, code string, headers ...string) test.Script {
	return test.Script{test.Fail(status, code, headers...)}
}

func then(acts ...test.Act) test.Act {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, act := range acts {
			act(w, r)
		}
	}
}

var chunkOf64KiB = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + strings.Repeat("x", 64<<10) + "\"}}]}\n\n"

func repeat(n int, text string) test.Act {
	return func(w http.ResponseWriter, r *http.Request) {
		for range n {
			test.Send(text)(w, r)
		}
	}
}

// await waits until done is closed.
func await(done <-chan struct{}) test.Act {
	return func(http.ResponseWriter, *http.Request) { <-done }
}

// flood sends until nobody takes it.
func flood(text string) test.Act {
	return func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			test.Send(text)(w, r)
		}
	}
}

// packed sends text as gzip.
func packed(kind, text string) test.Act {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text) // a buffer takes all
	_ = z.Close()
	return test.Answer(http.StatusOK, b.String(), "Content-Type", kind, "Content-Encoding", "gzip")
}

// unpacked undoes packed, of what was packed.
func unpacked(body string) (string, error) {
	if !strings.HasPrefix(body, "\x1f\x8b") {
		return body, nil
	}
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("unpack: %w", err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return "", fmt.Errorf("unpack: %w", err)
	}
	return string(plain), nil
}
