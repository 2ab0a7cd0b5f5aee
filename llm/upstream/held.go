package upstream

import "penstock/dialect"

// emitHeld emits what was held back of a response to /v1/responses that failed, as such. A client
// that has been sent a heartbeat gets no status any more, but events, and those begin with the
// response's own.
func (r *relay) emitHeld() {
	client := r.generation.client
	if r.begun || !client.Stream || client.Dialect != dialect.Responses || r.generation.remote.Name() != dialect.Responses {
		return
	}
	for _, e := range r.held {
		// No event is made of it, so that there is nothing to fail.
		_ = r.emit(dialect.Delta{Dialect: dialect.Responses, Event: e, Held: true})
	}
}
