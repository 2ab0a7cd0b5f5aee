package local

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

// distance returns the largest difference between two rows of logits.
func distance(a, b []float32) (most float64) {
	for i := range a {
		most = max(most, math.Abs(float64(a[i])-float64(b[i])))
	}
	return most
}

// feedAll feeds tokens in pieces of a length, and returns the logits after the last.
func feedAll(t *testing.T, g *graph, tokens []int64, piece int) []float32 {
	t.Helper()
	c := newSequence(g, len(tokens))
	defer c.close()
	var logits []float32
	for part := range slices.Chunk(tokens, piece) {
		var err error
		if logits, err = c.feed(context.Background(), part); err != nil {
			t.Fatal(err)
		}
	}
	if c.length != len(tokens) {
		t.Errorf("holds %d tokens, want %d", c.length, len(tokens))
	}
	return logits
}

func TestPiecesOfAPromptAddUp(t *testing.T) {
	for _, name := range []string{"tiny32", "tiny16"} {
		m := tiny(t, name)
		tokens := jobOf(t, m, `{"prompt":"How do you do? I do well, thank you."}`).prompt
		whole := feedAll(t, m.graph, tokens, len(tokens))
		if distance(whole, make([]float32, len(whole))) == 0 {
			t.Errorf("%s: all logits are zero", name)
		}
		for _, piece := range []int{1, 3, 20} {
			if d := distance(feedAll(t, m.graph, tokens, piece), whole); d > 1e-4 && name == "tiny32" || d > 0.2 {
				t.Errorf("%s: in pieces of %d the logits are %g apart", name, piece, d)
			}
		}
	}
}

// SmolLM2's graph computes with 8-bit activations, which differ a little with the pieces; what must
// not differ is the content of the caches.
func TestSharedMemoryGivesTheSameLogits(t *testing.T) {
	m := smollm2(t)
	tokens := textTokens(t, m)
	if len(tokens) < 300 {
		t.Fatalf("%d tokens are too few to make the caches grow", len(tokens))
	}
	shared := feedAll(t, m.graph, tokens, 64)
	m.graph.shared = false
	if d := distance(feedAll(t, m.graph, tokens, 64), shared); d != 0 {
		t.Errorf("with and without shared memory the logits are %g apart", d)
	}
	m.graph.shared = true
	want := argmax(shared)
	for _, piece := range []int{1, 150, len(tokens)} {
		if got := feedAll(t, m.graph, tokens, piece); argmax(got) != want || distance(got, shared) > 3 {
			t.Errorf("in pieces of %d: next token %d, %g apart; want %d", piece, argmax(got), distance(got, shared), want)
		}
	}
}

func TestContextFull(t *testing.T) {
	for _, name := range []string{"tiny32", "tiny16"} {
		c := newSequence(tiny(t, name).graph, 3)
		defer c.close()
		if _, err := c.feed(context.Background(), []int64{1, 2}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.feed(context.Background(), []int64{3, 4}); !errors.Is(err, errContextFull) {
			t.Errorf("error %v, want errContextFull", err)
		}
	}
}

func TestLongPromptCanBeCancelled(t *testing.T) {
	m := smollm2(t)
	tokens := slices.Repeat(textTokens(t, m), 20)
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("the client went away")
	c := newSequence(m.graph, len(tokens))
	defer c.close()
	if _, err := c.feed(ctx, tokens[:1]); err != nil {
		t.Fatal(err)
	}
	go cancel(gone) // before or during a run
	if _, err := c.read(ctx, tokens[1:]); !errors.Is(err, gone) {
		t.Errorf("error %v, want the context's cause", err)
	}
	if c.length > 1024 {
		t.Errorf("%d tokens were read", c.length)
	}
}

// textTokens returns the tokens of someText.
func textTokens(t *testing.T, m *Model) []int64 {
	t.Helper()
	tokens, err := m.tokenizer.Encode(someText, everything)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}
