package upstream

import (
	"context"
	"sync"

	"penstock/dialect"
	"penstock/engine"
	"penstock/sse"
)

// outlet is what the responses to one client's request are passed on to, over all attempts. It
// belongs to the sequence of attempts that leads.
type outlet struct {
	model      *model
	generation *generation
	attempts   *attempts
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

// relay streams the response of a server, and of further ones after failures.
func (m *model) relay(ctx context.Context, g *generation, emit func(...dialect.Delta) error) (engine.End, error) {
	to := &outlet{model: m, generation: g, emit: emit, attempts: &attempts{model: m, request: &g.request}}
	if !g.client.Stream { // the deltas are gathered into a whole response
		to.limit = m.config.MaxAnswer
	}
	if g.matches {
		to.transcript, to.attempts.resumable = &transcript{}, to.resumable
	}
	f := to.attempts.run(ctx, func(ctx context.Context, q *sequence) *failure {
		r := &relay{outlet: to, sequence: q, resumes: q.resumes}
		response, f := m.send(ctx, q, &g.request, m.config.Timeouts.FirstToken, errFirstToken)
		if f == nil {
			f = r.pass(response)
		}
		switch {
		case f != nil && r.resumes:
			r.interrupted(f)
		case f != nil:
			to.keepHeld(r.held)
		}
		return f
	})
	if f != nil {
		to.emitHeld()
		return engine.Unfinished(to.usage(f)), f.err
	}
	return engine.Ended(to.from.End().Reason, to.usage(nil)), nil
}

// usage returns what has been passed on came to, f being why no more was. A client that leaves
// before that has had its prompt read.
func (t *outlet) usage(f *failure) engine.Usage {
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
