package upstream

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
	"penstock/test/memnet"
)

// TestFaults lets each fault of the table happen to a model with a single upstream, in virtual
// time.
func TestFaults(t *testing.T) {
	noConnection := test.Result{Status: http.StatusGatewayTimeout, Code: "upstream_timeout"}
	faults := append(test.Faults(), test.Fault{
		Name: "no connection", Connection: neverConnects,
		Sees: noConnection, SeesWhole: noConnection, Attempts: []string{"timeout"},
	})
	certificate := testCertificate()
	for _, f := range faults {
		t.Run(f.Name, func(t *testing.T) {
			if f.Sees != (test.Result{}) {
				t.Run("streamed", func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						h := buildFaulty(t, f, f.Streamed, certificate)
						defer h.close()
						r := h.stream(dialect.Chat, chatBody)
						checkResult(t, r, f.Sees)
						if len(r.chunks) != f.Sees.Chunks {
							t.Errorf("%d chunks were passed on, not %d", len(r.chunks), f.Sees.Chunks)
						}
						checkAttempts(t, h, f.Attempts)
					})
				})
			}
			if f.SeesWhole != (test.Result{}) {
				t.Run("whole", func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						h := buildFaulty(t, f, f.Whole, certificate)
						defer h.close()
						r := h.whole(dialect.Chat)
						checkResult(t, r, f.SeesWhole)
						if begun := f.SeesWhole.Status == http.StatusOK; (r.calls > 0) != begun {
							t.Errorf("a response was begun %d times: %v", r.calls, r.header)
						}
						if f.WholeAttempts == nil {
							f.WholeAttempts = f.Attempts
						}
						checkAttempts(t, h, f.WholeAttempts)
					})
				})
			}
		})
	}
}

// neverConnects is a connection that is neither accepted nor refused.
const neverConnects = test.Connection(-1)

// buildFaulty builds a model whose upstream, a, has the fault.
func buildFaulty(t *testing.T, f test.Fault, script test.Script, certificate tls.Certificate) *fixture {
	t.Helper()
	if script == nil {
		script = test.Script{test.Stall} // there is no connection
	}
	upstream := test.New(script)
	if f.First != nil {
		upstream = test.New(f.First, script)
	}
	h := newFixture(t, func(config *Config) {
		config.MaxEvent = 4 << 20
		switch f.Connection {
		case test.UnknownCertificate, test.NoTLS, test.NoHandshake:
			config.Servers[0].BaseURL = "https://a.test/v1"
		default:
		}
	}, upstream)
	switch f.Connection {
	case test.Refused:
		h.dials["a.test:80"] = func(context.Context) (net.Conn, error) { return nil, errRefused }
	case test.UnknownHost:
		h.dials["a.test:80"] = func(context.Context) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "a.test", IsNotFound: true}}
		}
	case test.UnknownCertificate:
		listener := memnet.Listen()
		server := &http.Server{Handler: upstream, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
		go server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}}))
		h.dials["a.test:443"] = func(ctx context.Context) (net.Conn, error) { return listener.Dial(ctx, "", "") }
		h.closers = append(h.closers, func() { server.Close() })
	case test.NoTLS:
		h.dials["a.test:443"] = h.dials["a.test:80"]
	case test.NoHandshake:
		h.dials["a.test:443"] = func(context.Context) (net.Conn, error) {
			client, server := net.Pipe()
			h.closers = append(h.closers, func() { server.Close() })
			return client, nil
		}
	case neverConnects:
		h.dials["a.test:80"] = func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	case test.Works:
	}
	return h
}

// testCertificate returns a certificate that no client trusts.
func testCertificate() tls.Certificate {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return s.TLS.Certificates[0]
}

// checkAttempts checks the outcomes of the requests to the upstream.
func checkAttempts(t *testing.T, h *fixture, outcomes []string) {
	t.Helper()
	var want []string
	for _, o := range outcomes {
		want = append(want, "a "+o)
	}
	if got := h.attempts.String(); got != strings.Join(want, ", ") {
		t.Errorf("the outcomes are %q, not %q", got, strings.Join(want, ", "))
	}
}

// checkResult checks the error that a client gets.
func checkResult(t *testing.T, r *reply, want test.Result) {
	t.Helper()
	if want.Code == "" {
		if r.err != nil {
			t.Errorf("the client gets the error %v", r.err)
		}
		return
	}
	switch retry := time.Duration(want.RetryAfter) * time.Second; {
	case r.err == nil:
		t.Fatalf("the response passes for complete: %q", r.chunks)
	case string(r.err.Code) != want.Code || r.err.RetryAfter != retry:
		t.Errorf("the client gets %v, retry after %v", r.err, r.err.RetryAfter)
	case strings.Contains(r.err.Message, "a.test") || strings.Contains(r.err.Message, "sk-secret"):
		t.Errorf("the message shows the upstream's address or key: %q", r.err.Message)
	}
	switch own := r.upstreamAnswer(); {
	case !want.Own && own != nil && len(r.chunks) == 0:
		t.Errorf("the client gets the upstream's own %d", own.Status)
	case want.Own && (own == nil || own.Status != want.Status || own.Header.Get(headerUpstream) != "a"):
		t.Errorf("the client gets %v", r.err)
	}
}

// Headers and bodies of whole responses are passed on.
func TestWholeResponsesArePassedOn(t *testing.T) {
	big := `{"data":["` + strings.Repeat(`0123456789\"ab[\\`, 20000) + `"]}`
	for name, c := range map[string]struct {
		script test.Script
		body   string
		code   apierr.Code
	}{
		"short": {script: test.Script{test.Answer(200, test.Completion("m"), "X-Request-Id", "r1", "X-Ratelimit-Remaining-Tokens", "5", "Set-Cookie", "no")}, body: test.Completion("m")},
		"long":  {script: test.Script{test.Answer(200, big, "X-Request-Id", "r1", "X-Ratelimit-Remaining-Tokens", "5")}, body: big},
		"long and cut": {
			script: test.Script{test.Answer(200, big, "X-Request-Id", "r1", "X-Ratelimit-Remaining-Tokens", "5"), test.Cut},
			body:   big, code: apierr.CodeUpstreamCut,
		},
		"long, until the connection ends": {
			script: test.Script{test.Answer(200, big, "X-Request-Id", "r1", "X-Ratelimit-Remaining-Tokens", "5", "Transfer-Encoding", "identity")},
			body:   big,
		},
		"long and cut, until the connection ends": {
			script: test.Script{test.Answer(200, big[:len(big)-1], "X-Request-Id", "r1", "X-Ratelimit-Remaining-Tokens", "5", "Transfer-Encoding", "identity")},
			body:   big, code: apierr.CodeUpstreamCut,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := test.New(c.script)
				h := newFixture(t, nil, u)
				defer h.close()
				for name, path := range map[dialect.Name]string{dialect.Chat: "/v1/chat/completions", dialect.Completions: "/v1/completions", dialect.Responses: "/v1/responses", dialect.Embeddings: "/v1/embeddings"} {
					r := h.whole(name)
					if (r.err == nil) != (c.code == "") || r.err != nil && r.err.Code != c.code {
						t.Fatalf("%s: %v", name, r.err)
					}
					if !strings.HasPrefix(c.body, r.body.String()) || c.code == "" && r.body.Len() != len(c.body) {
						t.Errorf("%s: received %d bytes", name, r.body.Len())
					}
					head := r.header
					if r.status != 200 || head.Get("X-Upstream-Request-Id") != "r1" || head.Get("X-Ratelimit-Remaining-Tokens") != "5" || head.Get(headerUpstream) != "a" || head.Get("Set-Cookie") != "" {
						t.Errorf("%s: the header is %d %v", name, r.status, head)
					}
					last := u.Requests(true)
					request := last[len(last)-1]
					if request.Path != path || request.Header.Get("Authorization") != "Bearer sk-secret-a" || request.Header.Get("Content-Type") != "application/json" {
						t.Errorf("%s: the request was %+v", name, request)
					}
				}
			})
		})
	}
}

// Headers that clients use are passed on, and no others.
func TestOnlyHeadersThatClientsUseArePassedOn(t *testing.T) {
	used := []string{
		"X-Ratelimit-Remaining-Tokens", "5", "Ratelimit-Limit", "10", "Ratelimit-Remaining", "9", "Ratelimit-Reset", "3", "Ratelimit-Policy", "10;w=60", "Ratelimit", `"default";r=9`,
		"Openai-Processing-Ms", "12", "Retry-After", "30",
	}
	for _, status := range []int{200, 429} {
		synctest.Test(t, func(t *testing.T) {
			h := newFixture(t, nil, test.New(test.Script{test.Answer(status, test.Completion("m"), append([]string{"Set-Cookie", "no", "Server", "no", "Ratelimited", "no"}, used...)...)}))
			defer h.close()
			r := h.whole(dialect.Chat)
			head := r.header
			if status != 200 {
				head = r.upstreamAnswer().Header
			}
			for i := 0; i < len(used); i += 2 {
				if got := head.Get(used[i]); got != used[i+1] {
					t.Errorf("%d: %s is %q", status, used[i], got)
				}
			}
			for _, no := range []string{"Set-Cookie", "Server", "Ratelimited"} {
				if head.Get(no) != "" {
					t.Errorf("%d: %s is passed on", status, no)
				}
			}
		})
	}
}

// A client that disconnects cancels its request to the upstream at once, in any state.
func TestADisconnectCancelsTheRequest(t *testing.T) {
	for name, script := range map[string]test.Script{
		"before the head":        {test.Stall},
		"before the first token": {test.Send(test.Role("m")), test.Stall},
		"in the stream":          {test.Tokens("m", 0, 3), test.Stall},
		"before a retry":         {test.Fail(429, "slow", "Retry-After", "4")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := test.New(script)
				h := newFixture(t, nil, u)
				defer h.close()
				ctx, disconnect := context.WithTimeout(t.Context(), 3*time.Second)
				defer disconnect()
				begin := time.Now()
				r := h.streamUntil(ctx, dialect.Chat, dialect.Input{Body: []byte(chatBody)})
				synctest.Wait()
				if r.err == nil || r.took != 3*time.Second {
					t.Errorf("after %v: %v", r.took, r.err)
				}
				request := u.Requests(true)[0]
				if name != "before a retry" {
					if left := request.Left.Sub(begin); left < 3*time.Second || left > 3*time.Second+100*time.Millisecond {
						t.Errorf("the upstream's request was canceled after %v", left)
					}
					if got := h.attempts.String(); got != "a canceled" {
						t.Errorf("the outcome is %s", got)
					}
				}
				if s := h.engine.Snapshot(); s.Gates[1].InUse != 0 {
					t.Errorf("a permit is still held")
				}
			})
		})
	}
	t.Run("while connecting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newFixture(t, nil, test.New(test.Script{test.Stall}))
			defer h.close()
			h.dials["a.test:80"] = func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
			ctx, disconnect := context.WithTimeout(t.Context(), time.Second)
			defer disconnect()
			if r := h.streamUntil(ctx, dialect.Chat, dialect.Input{Body: []byte(chatBody)}); r.err == nil || r.took != time.Second {
				t.Errorf("after %v: %v", r.took, r.err)
			}
			synctest.Wait()
			if got := h.attempts.String(); got != "a canceled" {
				t.Errorf("the outcome is %s", got)
			}
		})
	})
}
