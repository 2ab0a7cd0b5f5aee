package upstream

import (
	"sync"

	"penstock/dialect"
	"penstock/engine"
	"penstock/failover"
	"penstock/sse"
)

// outlet is what the responses to one client's request are passed on to, over all attempts. It
// belongs to the sequence of attempts that leads.
type outlet struct {
	model      *model
	generation *generation
	emit       func(...dialect.Delta) error

	begun bool           // something has been passed on
	from  dialect.Reader // of the response that has been passed on last
	held  []sse.Event    // of the last response that failed before its first content

	text  int   // bytes of text that have been passed on
	limit int64 // of what is gathered; 0: there is none
	sum   int64 // about the bytes of that

	// If the transcript is kept, several responses can be read after something has been passed on:
	// mu is held while events are compared or passed on, and not while they are waited for.
	mu         sync.Mutex
	transcript *transcript // what the client has; nil if it need not be known
}

// usage returns what has been passed on came to, f being why no more was. A client that leaves
// before that has had its prompt read.
func (t *outlet) usage(f *failover.Failure) engine.Usage {
	if !t.begun {
		return unbegun(f, &t.generation.request)
	}
	return counted(t.from.End().Usage, &t.generation.request, t.text)
}

// resumable reports whether another response can continue what has been passed on.
func (t *outlet) resumable() bool {
	if !t.mu.TryLock() { // an event is just being passed on: the server is not silent
		return false
	}
	defer t.mu.Unlock()
	return t.transcript.comparable()
}

// enter begins the use of the outlet, which leave ends. It returns the failure of a response that
// must not be passed on, as another one is.
func (r *relay) enter() *failover.Failure {
	if r.transcript == nil { // only the one that leads uses it
		return nil
	}
	r.mu.Lock()
	if r.sequence.Lost() {
		return failover.Canceled(failover.ErrLost)
	}
	return nil
}

func (r *relay) leave() {
	if r.transcript != nil {
		r.mu.Unlock()
	}
}

// keepHeld keeps what was held back of a response that failed.
func (t *outlet) keepHeld(events []sse.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = events
}

// emitHeld emits what was held back of the last response to /v1/responses, which failed, as such. A
// client that has been sent a heartbeat gets no status any more, but events, and those begin with
// the response's own.
func (t *outlet) emitHeld() {
	client := t.generation.client
	if t.begun || !client.Stream || client.Dialect != dialect.Responses || t.generation.remote.Name() != dialect.Responses {
		return
	}
	for _, e := range t.held {
		// No event is made of it, so that there is nothing to fail.
		_ = t.emit(dialect.Delta{Dialect: dialect.Responses, Event: e, Held: true})
	}
}
