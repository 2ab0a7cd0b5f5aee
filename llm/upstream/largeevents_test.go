package upstream

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
	"penstock/memory"
)

// slowly streams a response to a client that takes so long for each piece of it.
func (f *fixture) slowly(ctx context.Context, each time.Duration) (events int, ended time.Time, err error) {
	f.t.Helper()
	request := f.decode(dialect.Chat, chatBody)
	request.Stream, request.Passthrough = true, &head{}
	_, err = f.run(ctx, request, func(deltas ...dialect.Delta) error {
		for _, d := range deltas {
			events += 1 + len(d.More)
		}
		time.Sleep(each)
		ended = time.Now()
		return nil
	})
	return events, ended, err
}

// While a client is waited for, a server's silence is not counted; after that it is again.
func TestASlowClientIsNotAServersSilence(t *testing.T) {
	tokens := func(end ...test.Act) test.Script {
		script := test.Script{}
		for n := range 5 {
			script = append(script, test.Send(test.Token("m", n)), test.Pause(10*time.Second))
		}
		return append(script, end...)
	}
	for name, c := range map[string]struct {
		script test.Script
		code   apierr.Code
	}{
		"and the server goes on": {tokens(test.Send(test.Finish("m")), test.Send(test.Done)), ""},
		"and the server stalls":  {tokens(test.Stall), apierr.CodeUpstreamTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil, test.New(c.script))
				defer f.close()
				events, last, err := f.slowly(t.Context(), time.Hour)
				silence := time.Since(last)
				switch {
				case c.code == "" && err != nil, c.code != "" && apierr.From(err).Code != c.code:
					t.Errorf("after %d events: %v", events, err)
				case events < 5:
					t.Errorf("%d events came", events)
				case c.code != "" && (silence < f.config.Timeouts.BetweenTokens || silence > f.config.Timeouts.BetweenTokens+time.Second):
					t.Errorf("the server is given up %s after the client was done", silence)
				}
			})
		})
	}
}

// slowHead is a client of a whole response that takes long for each piece.
type slowHead struct{ head }

// Write implements dialect.Passthrough.
func (s *slowHead) Write(p []byte) (int, error) {
	time.Sleep(time.Minute)
	return s.head.Write(p)
}

func TestASlowClientOfAWholeResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil, test.New(test.Script{test.Answer(200, test.LongBody())}))
		defer f.close()
		request := f.decode(dialect.Chat, strings.Replace(chatBody, "true", "false", 1))
		var client slowHead
		request.Stream, request.Passthrough = false, &client
		if _, err := f.run(t.Context(), request, func(...dialect.Delta) error { return nil }); err != nil || client.body.String() != test.LongBody() {
			t.Errorf("%d bytes of %d: %v", client.body.Len(), len(test.LongBody()), err)
		}
	})
}

// An event may be as large as MaxEvent, and no larger.
func TestMaxEvent(t *testing.T) {
	const limit = 1 << 20
	beside := len(test.ContentEvent(""))
	for name, c := range map[string]struct {
		size     int
		ok       bool
		attempts string
	}{
		"at the limit":     {limit - beside, true, "a ok"},
		"beyond the limit": {limit, false, "a error"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, func(c *Config) { c.MaxEvent = limit }, test.New(test.Script{
					test.Send(test.ContentEvent(strings.Repeat("x", c.size)) + test.Finish("m") + test.Done),
				}))
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				if ok := r.err == nil && len(r.chunks) > 0 && len(r.chunks[0]) > c.size; ok != c.ok || !ok && r.err.Code != apierr.CodeUpstreamError {
					t.Errorf("%d events, %v", len(r.chunks), r.err)
				}
				if got := f.attempts.String(); got != c.attempts {
					t.Errorf("the attempts are %q", got)
				}
			})
		})
	}
}

// Memory for a large event is reserved before it is read. What there is none for is refused with a
// code of its own, no server is blamed for that, and nothing stays reserved.
func TestLargeEventsAreWithinTheBudget(t *testing.T) {
	for name, c := range map[string]struct {
		budget   int64
		code     apierr.Code
		attempts string
	}{
		"there is memory": {256 << 20, "", "a ok"},
		"there is none":   {24 << 20, apierr.CodeMemoryExhausted, "a canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil, test.New(test.Script{test.Send(test.ContentEvent(strings.Repeat("x", 32<<20)) + test.Finish("m") + test.Done)}))
				defer f.close()
				budget := memory.New(c.budget)
				_, _, err := f.slowly(memory.With(t.Context(), budget.Account("a")), 0)
				if c.code == "" && err != nil || c.code != "" && apierr.From(err).Code != c.code {
					t.Error(err)
				}
				if got := f.attempts.String(); got != c.attempts {
					t.Errorf("the attempts are %q", got)
				}
				if used := budget.Snapshot().Used; used != 0 {
					t.Errorf("%d bytes are still reserved", used)
				}
			})
		})
	}
}

// Of what is gathered into a whole response no event is read that is larger than that may be.
func TestAnEventLargerThanTheWholeResponseMayBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.MaxAnswer = 1 << 20 }, test.New(test.Script{
			test.Send(test.ContentEvent(strings.Repeat("x", 8<<20)) + test.Finish("m") + test.Done),
		}))
		defer f.close()
		request, err := codecs[dialect.Native].Decode(dialect.Input{Body: []byte(`{"prompt":"hi"}`)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.run(t.Context(), request, func(...dialect.Delta) error { return nil })
		if e := apierr.From(err); e.Code != apierr.CodeUpstreamError || !strings.Contains(e.Message, "longer than 1048576 bytes") {
			t.Error(err)
		}
	})
}
