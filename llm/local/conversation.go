package local

import (
	"context"
	"errors"
	"fmt"

	"penstock/onnx"
)

// conversation is what the model remembers of the tokens it was fed: its attention caches, which go from run to run
// without being copied. It is for one goroutine.
type conversation struct {
	graph  *graph
	limit  int // tokens it will ever hold
	length int // tokens it holds
	caches []cache

	inputs, outputs []*onnx.Tensor // in the session's order
	ids, positions  []int64        // memory of inputs
	mask            []int64        // ones
	logits          memory
	last            []float32 // the logits behind the last token
}

// cache is one attention cache. If the graph shares memory, past and present are one tensor with rows to spare; else a
// run reads past and writes present, which is longer by the new tokens, and afterwards they change places.
type cache struct {
	shape         cacheShape
	past, present *onnx.Tensor
	memory, spare memory // behind past, behind present
}

// errContextFull is the failure of feeding a conversation beyond its limit.
var errContextFull = errors.New("the model's context is full")

func newConversation(g *graph, limit int) *conversation {
	c := &conversation{
		graph: g, limit: limit,
		caches: make([]cache, len(g.caches)),
		inputs: make([]*onnx.Tensor, len(g.session.Inputs())), outputs: make([]*onnx.Tensor, len(g.session.Outputs())),
		last: make([]float32, g.vocab),
	}
	for i, shape := range g.caches {
		c.caches[i] = cache{shape: shape, memory: newMemory(shape.kind, 0), spare: newMemory(shape.kind, 0)}
	}
	return c
}

// close gives the tensors back.
func (c *conversation) close() {
	for _, t := range c.inputs {
		free(t)
	}
	for _, t := range c.outputs { // where past and present are one, the second time does nothing
		free(t)
	}
}

// free gives a tensor's handle back; it may be nil. Its failure would change nothing for anybody.
func free(t *onnx.Tensor) { _ = t.Close() }

// maxLogits bounds the memory that one run writes logits to, in elements: 32 MiB of float32.
const maxLogits = 8 << 20

// read feeds a prompt in pieces, so that neither logits nor the time until a cancellation is noticed grow with it. It
// returns what feed does.
func (c *conversation) read(ctx context.Context, prompt []int64) (logits []float32, err error) {
	piece := 512
	if !c.graph.lastOnly {
		piece = min(max(maxLogits/c.graph.vocab, 16), piece)
	}
	for len(prompt) > 0 {
		n := min(piece, len(prompt))
		if logits, err = c.feed(ctx, prompt[:n]); err != nil {
			return nil, err
		}
		prompt = prompt[n:]
	}
	return logits, nil
}

// feed runs the graph on more tokens and returns the logits behind the last of them, for the caller to change until the
// next feed. After an error the conversation is good for nothing but close.
func (c *conversation) feed(ctx context.Context, tokens []int64) ([]float32, error) {
	n := len(tokens)
	if c.length+n > c.limit {
		return nil, errContextFull
	}
	if err := c.prepare(tokens); err != nil {
		return nil, fmt.Errorf("prepare a run: %w", err)
	}
	if err := c.graph.session.Run(ctx, c.inputs, c.outputs); err != nil {
		return nil, err
	}
	c.length += n
	if !c.graph.shared {
		c.swap()
	}
	c.logits.tail(c.last)
	return c.last, nil
}

// prepare makes the tensors of a run on tokens.
func (c *conversation) prepare(tokens []int64) error {
	g, n, total := c.graph, len(tokens), c.length+len(tokens)
	if len(c.ids) != n {
		c.ids, c.positions = make([]int64, n), make([]int64, n)
		rows := int64(n)
		if g.lastOnly {
			rows = 1
		}
		c.logits = newMemory(g.session.Outputs()[g.logits].Type, rows*int64(g.vocab))
		if err := errors.Join(
			set(c.inputs, g.inputIDs, elements[int64](c.ids), 1, int64(n)),
			set(c.inputs, g.positionIDs, elements[int64](c.positions), 1, int64(n)),
			set(c.outputs, g.logits, c.logits, 1, rows, int64(g.vocab)),
		); err != nil {
			return err
		}
	}
	copy(c.ids, tokens)
	for i := range c.positions {
		c.positions[i] = int64(c.length + i)
	}
	for len(c.mask) < total {
		c.mask = append(c.mask, 1)
	}
	if err := set(c.inputs, g.attentionMask, elements[int64](c.mask), 1, int64(total)); err != nil {
		return err
	}
	for i := range c.caches {
		ready := c.caches[i].lengthen
		if g.shared {
			ready = c.caches[i].enlarge
		}
		if err := ready(c.length, total, c.limit); err != nil {
			return err
		}
		c.inputs[g.past[i]], c.outputs[g.present[i]] = c.caches[i].past, c.caches[i].present
	}
	return nil
}

// set puts a tensor over the beginning of m where the graph has a place for it, in the stead of another.
func set(tensors []*onnx.Tensor, place int, m memory, shape ...int64) (err error) {
	if place < 0 {
		return nil
	}
	free(tensors[place])
	tensors[place], err = m.tensor(shape)
	return err
}

// enlarge sees to it that the one tensor has rows for total tokens.
func (c *cache) enlarge(length, total, limit int) (err error) {
	const least = 256
	rows := 0
	if c.past != nil {
		rows = int(c.past.Shape()[2])
	}
	if total <= rows {
		return nil
	}
	bigger := min(max(2*rows, total, least), max(limit, total))
	m := newMemory(c.shape.kind, c.shape.heads*int64(bigger)*c.shape.dim)
	m.spread(c.memory, c.shape.heads, int64(rows)*c.shape.dim, int64(length)*c.shape.dim, int64(bigger)*c.shape.dim)
	free(c.past)
	c.memory = m
	c.past, err = m.tensor([]int64{1, c.shape.heads, int64(bigger), c.shape.dim})
	c.present = c.past
	return err
}

// lengthen makes the tensor that a run from length tokens to total ones writes.
func (c *cache) lengthen(length, total, limit int) (err error) {
	size := func(rows int) int64 { return c.shape.heads * int64(rows) * c.shape.dim }
	if c.past == nil {
		if c.past, err = c.memory.tensor([]int64{1, c.shape.heads, 0, c.shape.dim}); err != nil {
			return err
		}
	}
	if c.spare.room() < size(total) {
		c.spare = newMemory(c.shape.kind, size(min(2*total, max(limit, total))))
	}
	c.present, err = c.spare.tensor([]int64{1, c.shape.heads, int64(total), c.shape.dim})
	return err
}

// swap makes what was written what is read next.
func (c *conversation) swap() {
	for i := range c.caches {
		k := &c.caches[i]
		free(k.past)
		k.past, k.present = k.present, nil
		k.memory, k.spare = k.spare, k.memory
		c.inputs[c.graph.past[i]], c.outputs[c.graph.present[i]] = k.past, nil
	}
}
