package acceptance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"penstock/llm/upstream"
	test "penstock/llm/upstream/upstreamtest"
	"penstock/test/server"
	"penstock/test/testmodel"
)

// shortTimeout is the one timeout that a row's fault exceeds; all others are server.Patience.
const shortTimeout = 300 * time.Millisecond

// fault is a row of docs/faults.md: what happens, and what becomes of it.
type fault struct {
	name string

	streamed, whole test.Script // how the upstream responds to a streaming request, and to another
	first           test.Script // how it responds to the first request; nil: as to the others
	unreachable     func(*testing.T, *httptest.Server) (baseURL string)
	converted       bool // the client gets the response in another form than was sent
	timeouts        upstream.Timeouts
	server          testmodel.Options

	disconnects bool          // the client disconnects once it has read what the script sends, if anything
	lazy        bool          // the client reads only the header until the upstream's request has ended
	behind      chan struct{} // the client reads only the header until it is closed; may be nil

	sees, seesWhole         string // by the client, as received.describe writes it; "": the fault does not exist
	outcomes, wholeOutcomes string // counted for the upstream; wholeOutcomes "": the same
	chunks                  int    // of a complete stream; 0: not checked
}

// faults is the table of docs/faults.md: what goes wrong with upstreams, and then with clients.
func faults() (rows []fault) {
	for _, f := range test.Faults() {
		row := fault{
			name: f.Name, streamed: f.Streamed, whole: f.Whole, first: f.First, converted: f.Converted, timeouts: longTimeouts(),
			outcomes: count(f.Attempts), wholeOutcomes: count(f.WholeAttempts),
		}
		if f.Sees != (test.Result{}) {
			row.sees = f.Sees.String()
			if f.Sees.Code == "" {
				row.chunks = f.Sees.Chunks
			}
		}
		if f.SeesWhole != (test.Result{}) {
			row.seesWhole = f.SeesWhole.String()
		}
		switch f.Connection {
		case test.Refused:
			row.unreachable = refusedConnection
		case test.UnknownHost:
			row.unreachable = unknownHost
		case test.UnknownCertificate:
			row.unreachable = unknownCertificate
		case test.NoTLS:
			row.unreachable = noTLS
		case test.NoHandshake:
			row.unreachable = noHandshake
		case test.Works:
		}
		switch f.Timeout {
		case test.ConnectTimeout:
			row.timeouts.Connect = shortTimeout
		case test.FirstTokenTimeout:
			row.timeouts.FirstToken, row.timeouts.Whole, row.timeouts.BetweenTokens = shortTimeout, shortTimeout, shortTimeout
		case test.BetweenTokensTimeout:
			row.timeouts.BetweenTokens = shortTimeout
		case test.NoTimeout:
		}
		rows = append(rows, row)
	}
	return append(rows, clientFaults()...)
}

// clientFaults are the rows in which the fault is the client's, or the gateway has a part in it.
func clientFaults() []fault {
	const m = "model-a"
	var (
		two     = test.Send(test.Token(m, 0) + test.Token(m, 1))
		finish  = test.Send(test.Finish(m))
		done    = test.Send(test.Done)
		large   = strings.Repeat("x", 5<<20)
		chunk   = test.ContentEvent(strings.Repeat("x", 64<<10))
		behind  = make(chan struct{})
		patient = longTimeouts()
	)
	patient.FirstToken, patient.Whole = 10*shortTimeout, 10*shortTimeout // a heartbeat comes earlier, on any machine
	return []fault{
		{
			name: "stall before the header, longer than `heartbeat`", streamed: test.Script{test.Stall}, whole: test.Script{test.Stall},
			timeouts: patient, server: testmodel.Options{Heartbeat: shortTimeout / 30},
			sees: "200, heartbeats, an error event `upstream_timeout`, cut", seesWhole: "504 `upstream_timeout`", outcomes: "timeout",
		},
		{
			name: "the upstream is faster than the client, by less than `buffer`", lazy: true, timeouts: longTimeouts(),
			streamed: test.Script{repeat(96, chunk), finish, done},
			sees:     "200, the complete response, `[DONE]`", outcomes: "ok", chunks: 97,
		},
		{
			name: "the upstream is faster than the client, by more than `buffer`", timeouts: longTimeouts(),
			streamed: test.Script{two, repeat(18, chunk), closes(behind), repeat(256, chunk), finish, done}, behind: behind,
			server: testmodel.Options{Buffer: 1 << 20},
			sees:   "200, the complete response, `[DONE]`", outcomes: "ok", chunks: 2 + 18 + 256 + 1,
		},
		{
			name: "the client reads nothing for `write_timeout`", lazy: true, timeouts: longTimeouts(),
			streamed: test.Script{two, flood(chunk)}, whole: test.Script{test.Answer(200, `{"x":"`), flood(large)},
			server: testmodel.Options{WriteTimeout: shortTimeout},
			sees:   "200, chunks, cut", seesWhole: "200, cut", outcomes: "canceled",
		},
		{
			name: "the client disconnects before the first token", disconnects: true, timeouts: longTimeouts(),
			streamed: test.Script{test.Stall}, whole: test.Script{test.Stall},
			sees: "nothing", seesWhole: "nothing", outcomes: "canceled",
		},
		{
			name: "the client disconnects in the middle", disconnects: true, timeouts: longTimeouts(),
			streamed: test.Script{two, test.Stall}, whole: test.Script{test.Answer(200, test.LongBody()), test.Head, test.Stall},
			sees: "200, 2 chunks before it disconnects", seesWhole: "200 before it disconnects", outcomes: "canceled",
		},
	}
}

func longTimeouts() upstream.Timeouts {
	return upstream.Timeouts{Connect: server.Patience, FirstToken: server.Patience, BetweenTokens: server.Patience, Whole: server.Patience}
}

// count joins outcomes; "2 × error" are two in a row.
func count(outcomes []string) string {
	if len(outcomes) == 2 && outcomes[0] == outcomes[1] {
		return fmt.Sprintf("2 × %s", outcomes[0])
	}
	return strings.Join(outcomes, ", ")
}

// refusedConnection is the URL of a server that does not listen any more.
func refusedConnection(_ *testing.T, s *httptest.Server) string {
	s.Close()
	return "http://" + s.Listener.Addr().String()
}

// unknownHost is a URL whose host name is not sent to a resolver: a label of it is too long.
func unknownHost(*testing.T, *httptest.Server) string {
	return "http://" + strings.Repeat("a", 64) + ".invalid"
}

func unknownCertificate(_ *testing.T, s *httptest.Server) string {
	s.StartTLS()
	return s.URL
}

func noTLS(_ *testing.T, s *httptest.Server) string {
	s.Start()
	return strings.Replace(s.URL, "http://", "https://", 1)
}

// noHandshake is the URL of a server whose connections the kernel accepts, and the server does not.
func noHandshake(_ *testing.T, s *httptest.Server) string {
	return "https://" + s.Listener.Addr().String()
}

func repeat(n int, text string) test.Act {
	return func(w http.ResponseWriter, r *http.Request) {
		for range n {
			test.Send(text)(w, r)
		}
	}
}

// closes closes a channel.
func closes(c chan struct{}) test.Act {
	return func(http.ResponseWriter, *http.Request) { close(c) }
}

// flood sends text until the client has disconnected.
func flood(text string) test.Act {
	return func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			test.Send(text)(w, r)
		}
	}
}
