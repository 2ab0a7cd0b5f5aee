package local

import (
	"context"
	"errors"
	"fmt"

	"penstock/memory"
	"penstock/onnx"
)

// sequence is a sequence of tokens that the model has processed: its attention caches, which pass
// from run to run without being copied. It is for one goroutine.
type sequence struct {
	graph  *graph
	limit  int // tokens that it can hold
	length int // tokens it holds
	caches []cache

	inputs, outputs []*onnx.Tensor // in the session's order
	ids, positions  []int64        // buffers of inputs
	mask            []int64        // ones
	logits          buffer
	last            []float32 // the logits after the last token

	held *memory.Reservation // for the caches; nil before the first run
	rows int                 // tokens that it is for
}

// cache is one attention cache. If the graph shares memory, past and present are one tensor with
// spare rows; else a run reads past and writes present, which is longer by the new tokens, and
// afterwards they are swapped.
type cache struct {
	shape         cacheShape
	past, present *onnx.Tensor
	buffer, spare buffer // of past, of present
}

// errContextFull is the error of feeding a sequence beyond its limit.
var errContextFull = errors.New("the model's context is full")

func newSequence(g *graph, limit int) *sequence {
	s := &sequence{
		graph: g, limit: limit,
		caches: make([]cache, len(g.caches)),
		inputs: make([]*onnx.Tensor, len(g.session.Inputs())), outputs: make([]*onnx.Tensor, len(g.session.Outputs())),
		last: make([]float32, g.vocab),
	}
	for i, shape := range g.caches {
		s.caches[i] = cache{shape: shape, buffer: newBuffer(shape.kind, 0), spare: newBuffer(shape.kind, 0)}
	}
	return s
}

// close releases the tensors.
func (s *sequence) close() {
	for _, t := range s.inputs {
		free(t)
	}
	for _, t := range s.outputs { // does nothing the second time, where past and present are one
		free(t)
	}
	if s.held != nil {
		s.held.Close()
	}
}

// reserve reserves what the caches take that hold total tokens. Their tensors are doubled as they
// grow, so that there is always room for some more.
func (s *sequence) reserve(ctx context.Context, total int) error {
	if total <= s.rows {
		return nil
	}
	if s.held == nil {
		s.held = memory.From(ctx).Reserve(memory.Attention)
	}
	rows := min(max(2*s.rows, total, leastRows), max(s.limit, total))
	if err := s.held.Grow(ctx, int64(rows-s.rows)*s.graph.bytesOfToken()); err != nil {
		return err //nolint:wrapcheck // it is for the client
	}
	s.rows = rows
	return nil
}

// bytesOfToken returns what one token takes in all caches.
func (g *graph) bytesOfToken() (bytes int64) {
	for _, c := range g.caches {
		size := int64(4)
		if c.kind == onnx.TypeFloat16 {
			size = 2
		}
		bytes += c.heads * c.dim * size
	}
	if !g.shared { // the caches of the next run are beside those of the last one
		bytes *= 2
	}
	return bytes
}

// free releases a tensor, which may be nil. There is nothing to do about an error.
func free(t *onnx.Tensor) { _ = t.Close() }

// maxLogits bounds the number of logits that one run writes: 32 MiB of float32.
const maxLogits = 8 << 20

// read feeds a prompt in pieces, so that neither the logits nor the time until a cancellation is
// noticed grow with it. It returns what feed does.
func (s *sequence) read(ctx context.Context, prompt []int64) (logits []float32, err error) {
	piece := 512
	if !s.graph.lastOnly {
		piece = min(max(maxLogits/s.graph.vocab, 16), piece)
	}
	for len(prompt) > 0 {
		n := min(piece, len(prompt))
		if logits, err = s.feed(ctx, prompt[:n]); err != nil {
			return nil, err
		}
		prompt = prompt[n:]
	}
	return logits, nil
}

// feed runs the graph on more tokens and returns the logits after the last of them, which the
// caller may change until the next feed. After an error only close may be called.
func (s *sequence) feed(ctx context.Context, tokens []int64) ([]float32, error) {
	n := len(tokens)
	if s.length+n > s.limit {
		return nil, errContextFull
	}
	if err := s.reserve(ctx, s.length+n); err != nil {
		return nil, err
	}
	if err := s.prepare(tokens); err != nil {
		return nil, fmt.Errorf("prepare a run: %w", err)
	}
	if err := s.graph.session.Run(ctx, s.inputs, s.outputs); err != nil {
		return nil, err
	}
	s.length += n
	if !s.graph.shared {
		s.swap()
	}
	s.logits.tail(s.last)
	return s.last, nil
}

// prepare makes the tensors of a run on tokens.
func (s *sequence) prepare(tokens []int64) error {
	g, n, total := s.graph, len(tokens), s.length+len(tokens)
	if len(s.ids) != n {
		s.ids, s.positions = make([]int64, n), make([]int64, n)
		rows := int64(n)
		if g.lastOnly {
			rows = 1
		}
		s.logits = newBuffer(g.session.Outputs()[g.logits].Type, rows*int64(g.vocab))
		if err := errors.Join(
			set(s.inputs, g.inputIDs, elements[int64](s.ids), 1, int64(n)),
			set(s.inputs, g.positionIDs, elements[int64](s.positions), 1, int64(n)),
			set(s.outputs, g.logits, s.logits, 1, rows, int64(g.vocab)),
		); err != nil {
			return err
		}
	}
	copy(s.ids, tokens)
	for i := range s.positions {
		s.positions[i] = int64(s.length + i)
	}
	for len(s.mask) < total {
		s.mask = append(s.mask, 1)
	}
	if err := set(s.inputs, g.attentionMask, elements[int64](s.mask), 1, int64(total)); err != nil {
		return err
	}
	for i := range s.caches {
		ready := s.caches[i].lengthen
		if g.shared {
			ready = s.caches[i].enlarge
		}
		if err := ready(s.length, total, s.limit); err != nil {
			return err
		}
		s.inputs[g.past[i]], s.outputs[g.present[i]] = s.caches[i].past, s.caches[i].present
	}
	return nil
}

// set replaces the tensor at an index by one over the beginning of b; -1: the graph has no such
// tensor.
func set(tensors []*onnx.Tensor, index int, b buffer, shape ...int64) (err error) {
	if index < 0 {
		return nil
	}
	free(tensors[index])
	tensors[index], err = b.tensor(shape)
	return err
}

// leastRows is how many tokens a cache has room for at first.
const leastRows = 256

// enlarge makes the one tensor have rows for total tokens.
func (c *cache) enlarge(length, total, limit int) (err error) {
	rows := 0
	if c.past != nil {
		rows = int(c.past.Shape()[2])
	}
	if total <= rows {
		return nil
	}
	bigger := min(max(2*rows, total, leastRows), max(limit, total))
	b := newBuffer(c.shape.kind, c.shape.heads*int64(bigger)*c.shape.dim)
	b.spread(c.buffer, c.shape.heads, int64(rows)*c.shape.dim, int64(length)*c.shape.dim, int64(bigger)*c.shape.dim)
	free(c.past)
	c.buffer = b
	c.past, err = b.tensor([]int64{1, c.shape.heads, int64(bigger), c.shape.dim})
	c.present = c.past
	return err
}

// lengthen makes the tensor that a run from length tokens to total tokens writes.
func (c *cache) lengthen(length, total, limit int) (err error) {
	size := func(rows int) int64 { return c.shape.heads * int64(rows) * c.shape.dim }
	if c.past == nil {
		if c.past, err = c.buffer.tensor([]int64{1, c.shape.heads, 0, c.shape.dim}); err != nil {
			return err
		}
	}
	if c.spare.capacity() < size(total) {
		c.spare = newBuffer(c.shape.kind, size(min(2*total, max(limit, total))))
	}
	c.present, err = c.spare.tensor([]int64{1, c.shape.heads, int64(total), c.shape.dim})
	return err
}

// swap makes the caches that were written those that the next run reads.
func (s *sequence) swap() {
	for i := range s.caches {
		k := &s.caches[i]
		free(k.past)
		k.past, k.present = k.present, nil
		k.buffer, k.spare = k.spare, k.buffer
		s.inputs[s.graph.past[i]], s.outputs[s.graph.present[i]] = k.past, nil
	}
}
