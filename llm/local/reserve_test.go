package local

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/memory"
)

// The caches of a generation count against the memory budget of its caller as they grow, and what
// does not fit is refused before it is allocated.
func TestAttentionCachesAreReserved(t *testing.T) {
	m := smollm2(t)
	tokens := slices.Repeat(textTokens(t, m)[:100], 4)
	held := func(b *memory.Budget) int64 { return b.Snapshot().Kinds[memory.Attention] }
	needed := 400 * m.graph.bytesOfToken()

	b := memory.New(4 * needed)
	c := newSequence(m.graph, len(tokens))
	if _, err := c.read(memory.With(t.Context(), b.Account("a")), tokens); err != nil {
		t.Fatal(err)
	}
	var caches int64
	for _, k := range c.caches {
		caches += k.buffer.capacity() * 4
	}
	if n := held(b); n < caches || n > caches+caches/4 {
		t.Errorf("%d bytes are held for caches of %d", n, caches)
	}
	c.close()
	if n := held(b); n != 0 {
		t.Errorf("%d bytes are left", n)
	}

	synctest.Test(t, func(t *testing.T) { // the wait for memory passes at once
		b := memory.New(needed / 2)
		c := newSequence(m.graph, len(tokens))
		defer c.close()
		_, err := c.read(memory.With(t.Context(), b.Account("a")), tokens)
		if e, ok := errors.AsType[*apierr.Error](err); !ok || e.Code != apierr.CodeMemoryExhausted {
			t.Errorf("error %v", err)
		}
	})
}
