package auth

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// maxCounted is how many names have counters of their own; further ones share those of Other.
const maxCounted = 1000

// Other is the name of the counters of all callers without any of their own.
const Other = "other"

// refusals are the reasons that are counted.
var refusals = [...]Reason{TooManyRequests, TooManyTokens, TooLarge, DaySpent, MonthSpent, TooManyStreams, NotAllowed}

// Count is what the callers of one name have done since the start.
type Count struct {
	Name               string // of a key, or jwt:VALUE
	Requests           int64  // admitted, and ended
	Prompt, Completion int64  // tokens
	Estimated          int64  // how many of those are an estimate
	Refused            map[Reason]int64
}

type counters struct {
	requests, prompt, completion, estimated atomic.Int64
	refused                                 [len(refusals)]atomic.Int64
}

func (c *counters) refuse(r Reason) { c.refused[slices.Index(refusals[:], r)].Add(1) }

// counted is a bounded set of counters by name.
type counted struct {
	mu     sync.Mutex
	byName map[string]*counters
}

// of returns the counters of a name, which are its own for good, or those of Other.
func (c *counted) of(name string) *counters {
	c.mu.Lock()
	defer c.mu.Unlock()
	if own, ok := c.byName[name]; ok {
		return own
	}
	if len(c.byName) >= maxCounted {
		name = Other
	}
	if c.byName[name] == nil {
		c.byName[name] = &counters{}
	}
	return c.byName[name]
}

func (c *counted) counts() []Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := make([]Count, 0, len(c.byName))
	for name, n := range maps.All(c.byName) {
		count := Count{
			Name: name, Requests: n.requests.Load(), Prompt: n.prompt.Load(), Completion: n.completion.Load(),
			Estimated: n.estimated.Load(), Refused: map[Reason]int64{},
		}
		for i, reason := range refusals {
			count.Refused[reason] = n.refused[i].Load()
		}
		counts = append(counts, count)
	}
	slices.SortFunc(counts, func(a, b Count) int { return strings.Compare(a.Name, b.Name) })
	return counts
}
