package upstream

import (
	"net/http"
	"strconv"

	"penstock/dialect"
	"penstock/failover"
	"penstock/memory"
)

// gatherer writes the events of a response as a whole one.
type gatherer func(o *response, to *counter, lead func() bool) *failover.Failure

// gather makes one whole response of the events that a server sent in place of it: it has been paid
// for, and the client gets it in the form that it wants. Whether it is complete is decided as for a
// stream.
func (g *generation) gather(o *response, to *counter, lead func() bool) *failover.Failure {
	limit := o.model.config.MaxAnswer
	held := memory.From(o.ctx).Reserve(memory.Answer)
	defer held.Close()
	events := dialect.GatherEvents(g.remote.Name())
	var failed *failover.Failure
	stop := func(f *failover.Failure) error {
		failed = f
		return f
	}
	reserved := 0
	add := func(data []byte) error {
		if err := events.Add(data); err != nil {
			return stop(failover.Malformed("%w", err))
		}
		if int64(events.Size()) > limit {
			return stop(failover.TooLarge(limit))
		}
		if more := 2*events.Size() - reserved; more > 0 { // it is kept, and then written
			if err := held.Grow(o.ctx, int64(more)); err != nil {
				return stop(noMemory(err))
			}
			reserved += more
		}
		return nil
	}
	f := g.passEvents(o, limit, func(deltas ...dialect.Delta) error {
		for i := range deltas {
			if err := add(deltas[i].Event.Data); err != nil {
				return err
			}
			for _, e := range deltas[i].More {
				if err := add(e.Data); err != nil {
					return err
				}
			}
		}
		return nil
	})
	switch {
	case failed != nil:
		return failed
	case f != nil:
		return f
	}
	body, err := events.Whole()
	if err != nil {
		return failover.Malformed("%w", err)
	}
	header := o.header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if !lead() {
		return failover.Canceled(failover.ErrLost)
	}
	to.Head(http.StatusOK, header)
	if _, err := to.Write(body); err != nil {
		return failover.Canceled(err)
	}
	return nil
}

// passEvents emits the events of one response in the dialect of the server.
func (g *generation) passEvents(o *response, limit int64, emit func(...dialect.Delta) error) *failover.Failure {
	events := &generation{request: g.request, client: g.client, remote: g.remote}
	events.pass = nil // the whole response has another head
	to := &outlet{model: o.model, generation: events, limit: limit, emit: emit}
	// It does not lead yet: nothing is passed on to the client before the response is complete.
	return (&relay{outlet: to, sequence: &failover.Sequence{}, leading: true}).pass(o)
}
