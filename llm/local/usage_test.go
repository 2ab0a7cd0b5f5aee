package local

import (
	"context"
	"errors"
	"strings"
	"testing"

	"penstock/engine"
)

// What a completion used until it failed or was canceled is returned beside its error.
func TestUsageOfUnfinishedCompletions(t *testing.T) {
	m := tiny(t, "tiny32")
	endless := `,"logit_bias":{"257":-100,"258":-100}}`
	j := jobOf(t, m, `{"prompt":"hello"`+endless)
	gone := errors.New("the client went away")

	t.Run("not taken", func(t *testing.T) {
		end, err := m.complete(t.Context(), j, func(segment) error { return gone })
		if want := engine.Unfinished(engine.Usage{PromptTokens: len(j.prompt), CompletionTokens: 1}); !errors.Is(err, gone) || end != want {
			t.Errorf("it ended %+v, %v, not %+v", end, err, want)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		segments := 0
		end, err := m.complete(ctx, j, func(segment) error {
			if segments++; segments == 3 {
				cancel(gone)
			}
			return nil
		})
		u := end.Usage()
		if !errors.Is(err, gone) || end.Reason() != "" || u.PromptTokens != len(j.prompt) || u.CompletionTokens < 3 {
			t.Errorf("it ended %+v, %v", end, err)
		}
	})
	t.Run("canceled before the prompt was read", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(gone)
		end, err := m.complete(ctx, jobOf(t, m, `{"prompt":"`+strings.Repeat("x", 20)+`"`+endless), func(segment) error { return nil })
		if !errors.Is(err, gone) || end != (engine.End{}) {
			t.Errorf("it ended %+v, %v", end, err)
		}
	})
}
