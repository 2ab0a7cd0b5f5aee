package engine

import (
	"sync"
	"time"
)

// Trace is what a request came to in the engine, for the request's log line: the Calls that are
// admitted for its Caller add to it. It is safe for use by many goroutines, and costs a chunk of a
// stream nothing. A nil *Trace takes nothing.
type Trace struct {
	mu sync.Mutex
	n  Traced
}

// Traced is what a Trace has come to so far.
type Traced struct {
	Admitted bool          // at a gate
	Waited   time.Duration // for permits
	First    time.Time     // when the first chunk of a generation without a stream was made
	Chunks   int           // of generations without a stream
	Usage    Usage         // of calls whose work has ended
}

// Read returns what the Trace has come to so far.
func (t *Trace) Read() Traced {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// add changes the numbers.
func (t *Trace) add(change func(*Traced)) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.n)
}

func (t *Trace) admitted() { t.add(func(n *Traced) { n.Admitted = true }) }

func (t *Trace) waited(d time.Duration) { t.add(func(n *Traced) { n.Waited += d }) }

func (t *Trace) used(u Usage) {
	t.add(func(n *Traced) {
		n.Usage.PromptTokens += u.PromptTokens
		n.Usage.CompletionTokens += u.CompletionTokens
		n.Usage.Estimated = n.Usage.Estimated || u.Estimated
	})
}

// made notes the chunks of a generation without a stream, when it is over.
func (t *Trace) made(chunks int, first time.Time) {
	t.add(func(n *Traced) {
		n.Chunks += chunks
		if n.First.IsZero() {
			n.First = first
		}
	})
}
