package upstream

import (
	"penstock/dialect"
	"penstock/sse"
)

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
