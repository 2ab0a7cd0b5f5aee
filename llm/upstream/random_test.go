package upstream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	"penstock/engine"
	test "penstock/llm/upstream/upstreamtest"
	"penstock/memory"
)

// randomScript is a response of a server that may be silent, fail or have another form anywhere.
func randomScript(r *rand.Rand, row *formRow) test.Script {
	var s test.Script
	pause := func() {
		if r.IntN(2) == 0 {
			s = append(s, test.Pause(time.Duration(1+r.IntN(30))*time.Second))
		}
	}
	pause()
	switch r.IntN(12) {
	case 0:
		return append(s, test.Fail(http.StatusInternalServerError, "broken"))
	case 1:
		return append(s, test.Fail(http.StatusTooManyRequests, "slow", "Retry-After", "2"))
	case 2:
		return append(s, test.Fail(http.StatusNotFound, "model_not_found"))
	case 3:
		return append(s, test.Fail(http.StatusBadRequest, "bad"))
	case 4:
		return append(s, test.Reset)
	case 5:
		return append(s, test.Stall)
	case 6:
		return append(s, test.Answer(http.StatusOK, row.answer))
	}
	if r.IntN(3) == 0 {
		s = append(s, test.Send("\n\n: thinking\n\n"))
		pause()
	}
	for _, e := range eventsIn(row.events) {
		if r.IntN(6) == 0 {
			pause()
		}
		switch r.IntN(25) {
		case 0:
			return append(s, test.Cut)
		case 1:
			return append(s, test.Stall)
		case 2:
			return append(s, test.Send(`data: {"error":{"message":"overloaded","code":"overloaded"}}`+"\n\n"))
		}
		s = append(s, test.Send(e))
	}
	return s
}

// Whatever servers and clients do, nothing of a request is left when it has ended: no server counts
// it any more, no breaker waits for its probe, and a complete text is the whole text, once.
func TestNothingIsLeftOfARequest(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		rows := formRows()
		row := &rows[r.IntN(len(rows))]
		match := r.IntN(2) == 0
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var handlers []http.Handler
				for range 1 + r.IntN(3) {
					var scripts []test.Script
					for range 4 {
						scripts = append(scripts, randomScript(r, row))
					}
					handlers = append(handlers, test.New(scripts...))
				}
				f := newFixture(t, func(c *Config) {
					patient(c)
					c.Match = match
				}, handlers...)
				defer f.close()
				m := f.remodel()
				budget := memory.New(1 << 30)
				for range 4 {
					ctx, cancel := context.WithCancel(memory.With(t.Context(), budget.Account("c")))
					if r.IntN(4) == 0 {
						time.AfterFunc(time.Duration(1+r.IntN(40))*time.Second, cancel)
					}
					checkComplete(t, row.sendIn(ctx, f, r.IntN(2) == 0))
					cancel()
					time.Sleep(2 * drainTime)
					synctest.Wait()
					checkNothingLeft(t, m)
					if held := budget.Snapshot(); held.Used != 0 {
						t.Errorf("%d bytes of memory are still held", held.Used)
					}
				}
			})
		})
	}
}

// remodel replaces the fixture's model by one whose servers the test can look at.
func (f *fixture) remodel() *model {
	f.t.Helper()
	if err := f.engine.Close(); err != nil {
		f.t.Fatal(err)
	}
	c := f.config
	c.MaxAnswer, c.Timeouts.AfterFinish = DefaultMaxAnswer, DefaultAfterFinish
	m, err := newModel(c)
	if err != nil {
		f.t.Fatal(err)
	}
	f.engine = engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	f.model = f.engine.Add(c.Name, engine.Lifecycle{Kind: "openai", Gate: &c.Gate, Close: m.close})
	m.register(f.model)
	f.engine.Load(f.t.Context())
	synctest.Wait()
	return m
}

func checkNothingLeft(t *testing.T, m *model) {
	t.Helper()
	if !m.pool.Idle() {
		t.Error("a server still has a request or a probe")
	}
}

// checkComplete checks that a response that is complete has each word once.
func checkComplete(t *testing.T, r *reply) {
	t.Helper()
	if r.err != nil {
		return
	}
	all := strings.Join(r.chunks, "") + r.body.String()
	if strings.Contains(all, `"response.created"`) { // these events repeat the text
		return
	}
	for _, word := range []string{"w0", "w1", "w2"} {
		if n := strings.Count(all, word); n != 1 {
			t.Errorf("the word %s came %d times: %s", word, n, all)
		}
	}
}

// randomStream is a stream of 20 words that may be silent, fail or be cut at any of them.
func randomStream(r *rand.Rand, model string) (s test.Script) {
	if r.IntN(8) == 0 {
		s = append(s, test.Pause(time.Duration(1+r.IntN(30))*time.Second))
	}
	s = append(s, test.Send(test.Role(model)))
	for at := 0; at < 20; {
		n := min(20, at+1+r.IntN(6))
		s = append(s, test.Tokens(model, at, n))
		at = n
		switch r.IntN(12) {
		case 0:
			return append(s, test.Cut)
		case 1:
			return append(s, test.Stall)
		case 2:
			return append(s, test.Reset)
		case 3:
			return append(s, test.Send(`data: {"error":{"message":"overloaded","code":"overloaded"}}`+"\n\n"))
		case 4, 5:
			s = append(s, test.Pause(time.Duration(1+r.IntN(20))*time.Second))
		}
	}
	return append(s, test.Send(test.Finish(model)+test.Usage(model)+test.Done))
}

// However often a stream is continued by other servers, its text is a beginning of the whole text,
// and all of it if the stream is complete.
func TestAContinuedStreamHasTheTextOnce(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 2))
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var handlers []http.Handler
				for i := range 2 + r.IntN(2) {
					var scripts []test.Script
					for range 4 {
						scripts = append(scripts, randomStream(r, "model-"+string(rune('a'+i))))
					}
					handlers = append(handlers, test.New(scripts...))
				}
				f := newFixture(t, func(c *Config) {
					patient(c)
					c.Match = seed%4 > 0
				}, handlers...)
				defer f.close()
				m := f.remodel()
				reply := f.stream(dialect.Chat, chatBody)
				text, all := reply.text(), test.Text(0, 20)
				if !strings.HasPrefix(all, text) || (reply.err == nil) != (reply.end.Reason() == "stop") || reply.err == nil && text != all {
					t.Errorf("the client gets %q, %v; the attempts were %s", text, reply.err, f.attempts)
				}
				if charge := <-f.charges; reply.err == nil && charge != (engine.Usage{PromptTokens: 7, CompletionTokens: 60}) || len(f.charges) > 0 {
					t.Errorf("it is charged with %+v", charge)
				}
				time.Sleep(2 * drainTime)
				synctest.Wait()
				checkNothingLeft(t, m)
			})
		})
	}
}
