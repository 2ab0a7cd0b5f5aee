package upstream

import (
	"penstock/dialect"
	"penstock/failover"
)

// What the values of a delta take in memory beside their text, in bytes: far more than in JSON.
const (
	callSize    = 128
	logprobSize = 128
)

// bound adds an event to the size of what is gathered, and returns the failure of one that makes it
// too large.
func (r *relay) bound(bytes int, deltas []dialect.Delta) *failover.Failure {
	r.sum += int64(bytes)
	for i := range deltas {
		d := &deltas[i]
		r.sum += int64(callSize*len(d.Calls) + logprobSize*len(d.Logprobs))
		for j := range d.Logprobs {
			r.sum += int64(logprobSize*len(d.Logprobs[j].TopLogprobs) + 8*len(d.Logprobs[j].Bytes))
		}
	}
	if r.sum > r.limit {
		return failover.TooLarge(r.limit)
	}
	return nil
}
