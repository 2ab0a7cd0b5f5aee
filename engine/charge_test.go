package engine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"penstock/engine"
)

// charges are what a caller was charged.
type charges []engine.Usage

func (c *charges) caller() engine.Caller {
	return engine.Caller{Name: "a", Charge: func(u engine.Usage) { *c = append(*c, u) }}
}

// Each admitted call is charged once, with what it came to, however it ends.
func TestEachCallIsChargedOnce(t *testing.T) {
	used, boom := engine.Usage{PromptTokens: 3, CompletionTokens: 2}, errors.New("boom")
	for name, c := range map[string]struct {
		end  func() (engine.End, error)
		want engine.Usage
	}{
		"done":   {func() (engine.End, error) { return engine.Stopped(used), nil }, used},
		"failed": {func() (engine.End, error) { return engine.Unfinished(used), boom }, used},
		"panic":  {func() (engine.End, error) { panic("boom") }, engine.Usage{}},
		"no end": {func() (engine.End, error) { return engine.Unfinished(used), nil }, used},
	} {
		for _, streamed := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEngine(t, 1, 0)
					g := writer(e, func(context.Context, func(...string) error) (engine.End, error) { return c.end() })
					var got charges
					call, err := g.Admit(got.caller())
					if err != nil {
						t.Fatal(err)
					}
					if streamed {
						s, err := g.Start(t.Context(), call, "", encoder[string]{encode: text}, engine.StreamOptions{})
						if err != nil {
							t.Fatal(err)
						}
						read(t, s)
						if len(got) != 1 { // a client that sees the end finds it charged
							t.Errorf("%d charges when the end was read", len(got))
						}
					} else {
						_, _ = g.Run(t.Context(), call, "", func(...string) error { return nil })
					}
					call.Close()
					call.Close()
					if len(got) != 1 || got[0] != c.want {
						t.Errorf("charged %+v, not once %+v", got, c.want)
					}
				})
			})
		}
	}
}

func TestACallThatIsNotUsedIsChargedNothing(t *testing.T) {
	e := newEngine(t, 1, 0)
	g := writer(e, func(context.Context, func(...string) error) (engine.End, error) {
		return engine.Stopped(engine.Usage{}), nil
	})
	var got charges
	call, err := g.Admit(got.caller())
	if err != nil {
		t.Fatal(err)
	}
	call.Close()
	if len(got) != 1 || got[0] != (engine.Usage{}) {
		t.Errorf("charged %+v", got)
	}
}

func TestACanceledStreamIsChargedForWhatItUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		used := engine.Usage{PromptTokens: 5, CompletionTokens: 1}
		g := writer(e, func(ctx context.Context, emit func(...string) error) (engine.End, error) {
			if err := emit("x"); err != nil {
				return engine.End{}, err
			}
			<-ctx.Done()
			return engine.Unfinished(used), ctx.Err()
		})
		var got charges
		call, err := g.Admit(got.caller())
		if err != nil {
			t.Fatal(err)
		}
		s, err := g.Start(t.Context(), call, "", encoder[string]{encode: text}, engine.StreamOptions{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(got) != 0 {
			t.Errorf("charged %+v while it runs", got)
		}
		cancel(s)
		synctest.Wait()
		if len(got) != 1 || got[0] != used {
			t.Errorf("charged %+v, not %+v", got, used)
		}
	})
}
