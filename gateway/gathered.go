package gateway

import (
	"context"

	"penstock/dialect"
	"penstock/memory"
)

const (
	// keptTwice: a whole response is kept as text while it is gathered, and encoded at the end.
	keptTwice = 2
	// logprobCost is about what the probabilities of one token take.
	logprobCost = 256
)

// reserving returns add, which gathers deltas, with what they take reserved before.
func reserving(ctx context.Context, held *memory.Reservation, add func(...dialect.Delta) error) func(...dialect.Delta) error {
	return func(deltas ...dialect.Delta) error {
		var size int64
		for i := range deltas {
			size += keptTwice * sizeOf(&deltas[i])
		}
		if err := held.Grow(ctx, size); err != nil {
			return err //nolint:wrapcheck // it is for the client
		}
		return add(deltas...)
	}
}

// sizeOf returns how many bytes of a delta are kept.
func sizeOf(d *dialect.Delta) int64 {
	n := len(d.Text) + len(d.Reasoning) + len(d.Refusal) + logprobCost*len(d.Logprobs)
	for i := range d.Calls {
		if f := d.Calls[i].Function; f != nil {
			n += len(f.Name) + len(f.Arguments)
		}
	}
	return int64(n)
}
