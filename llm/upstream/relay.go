package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/failover"
	"penstock/memory"
	"penstock/sse"
)

const maxHeld = 256 << 10 // bytes held back before the first content

// relay passes the events of one response on.
//
// A response is complete when the server says so: by [DONE] (or, of /v1/responses, by its last
// event), or by a finish_reason in every choice that nothing after it has shown false, and then a
// clean end of the body, or, if that does not come, Timeouts.AfterFinish without a byte.
type relay struct {
	*outlet
	sequence *failover.Sequence

	reader  dialect.Reader
	clock   *failover.Watchdog // of the response
	leading bool
	resumes bool        // something has been passed on, by this response or another one
	held    []sse.Event // until there is content: another server may still be used
	size    int         // bytes held
	batch   *[]dialect.Delta
	name    sse.Name // of the last event
	replay  *replay  // of the transcript; nil if it need not be repeated, or has been
}

// relay streams the response of a server, and of further ones after failures.
func (m *model) relay(ctx context.Context, g *generation, emit func(...dialect.Delta) error) (engine.End, error) {
	to := &outlet{model: m, generation: g, emit: emit}
	if !g.client.Stream { // the deltas are gathered into a whole response
		to.limit = m.config.MaxAnswer
	}
	var resumable func() bool
	if g.matches {
		to.transcript, resumable = &transcript{}, to.resumable
	}
	f := m.attempt(ctx, &g.request, resumable, func(ctx context.Context, q *failover.Sequence) *failover.Failure {
		r := &relay{outlet: to, sequence: q, resumes: q.Resumes()}
		response, f := m.send(ctx, q, &g.request, m.config.Timeouts.FirstToken, failover.NoFirstToken)
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
		return engine.Unfinished(to.usage(f)), f.Err
	}
	return engine.Ended(to.from.End().Reason, to.usage(nil)), nil
}

// pass passes one response on. It returns nil once that is complete.
func (r *relay) pass(o *response) *failover.Failure {
	if f := o.asEvents(r.generation); f != nil {
		defer o.close()
		return f
	}
	r.reader = r.generation.remote.Reader(r.generation.client, o.asked)
	r.clock = o.watchdog
	large := memory.From(o.ctx).Reserve(memory.Stream)
	defer large.Close()
	f := r.enter()
	if f == nil {
		if r.resumes {
			r.replay = r.transcript.replay()
		}
		f = r.read(o, large)
	}
	if flushed := r.flush(); flushed != nil {
		f = flushed
	}
	if r.leading {
		r.text = max(r.text, r.reader.Text()) // a response that continues another repeats its text
	}
	r.leave()
	if f == nil {
		o.drain()
	} else {
		o.close()
	}
	return f
}

// read reads events and passes them on, until the response is complete or has failed. It enters
// again after each wait, and what it has not flushed is the caller's to flush.
func (r *relay) read(o *response, large *memory.Reservation) *failover.Failure {
	var at progress
	body := &ending{Reader: o.body}
	events := r.events(o, body, large)
	for {
		if f := r.flush(); f != nil {
			return f
		}
		r.leave()
		raw, err := events.Next()
		if f := r.enter(); f != nil {
			return f
		}
		if err != nil {
			return r.ended(o, raw, err, &at, body.clean)
		}
		for more := true; more; raw, more = events.Buffered() {
			if over, f := r.one(o, &raw, &at); over || f != nil {
				return f
			}
		}
	}
}

// event returns an event as it was read. Nearly all have the name of the one before, mostly none.
func (r *relay) event(raw *sse.RawEvent) (sse.Event, error) {
	if string(raw.Name) != r.name.String() {
		name, err := sse.ParseName(string(raw.Name))
		if err != nil {
			return sse.Event{}, err
		}
		r.name = name
	}
	return sse.Event{Name: r.name, Data: raw.Data}, nil
}

// take passes an event on, or holds it back.
func (r *relay) take(o *response, e sse.Event, sign dialect.Sign) *failover.Failure {
	if r.replay != nil {
		rest, isNew, err := r.replay.next(e.Data)
		switch {
		case err != nil:
			return differs(err)
		case !isNew:
			return nil
		}
		e.Data = rest
		if r.replay.over {
			r.replay = nil
		}
	}
	if !r.resumes && sign == dialect.SignQuiet && r.size+len(e.Data) <= maxHeld {
		e.Data = bytes.Clone(e.Data)
		r.held = append(r.held, e)
		r.size += len(e.Data)
		return nil
	}
	if f := r.begin(o); f != nil {
		return f
	}
	return r.add(e)
}

// begin makes this response the one that is passed on, if it is not yet, and passes on its head and
// the events that were held back, unless the client has those of another.
func (r *relay) begin(o *response) *failover.Failure {
	if !r.sequence.Lead() {
		return failover.Canceled(failover.ErrLost)
	}
	if !r.leading {
		r.leading, r.from = true, r.reader
	}
	if r.resumes {
		return nil
	}
	r.resumes, r.begun = true, true
	if pass := r.generation.pass; pass != nil {
		pass.Head(http.StatusOK, o.header())
	}
	for _, e := range r.held {
		if f := r.add(e); f != nil {
			return f
		}
	}
	r.held = nil
	return nil
}

// add adds an event to those that are emitted next.
func (r *relay) add(e sse.Event) *failover.Failure {
	if r.transcript != nil {
		r.transcript.note(e.Data)
	}
	r.ready()
	var err error
	before := len(*r.batch)
	if *r.batch, err = r.reader.Deltas(*r.batch, e); err != nil {
		return failover.Malformed("%w", err)
	}
	if r.limit > 0 {
		return r.bound(len(e.Data), (*r.batch)[before:])
	}
	return nil
}

// rest adds what deltas have only once the response is complete.
func (r *relay) rest() {
	r.ready()
	*r.batch = r.reader.Rest(*r.batch)
}

// ready makes room for deltas.
func (r *relay) ready() {
	if r.batch == nil {
		r.batch = r.model.batches.Get().(*[]dialect.Delta)
	}
}

// flush emits what has been added since the last read.
func (r *relay) flush() *failover.Failure {
	batch := r.batch
	if batch == nil {
		return nil
	}
	r.batch = nil
	var err error
	if len(*batch) > 0 {
		r.clock.Pause()
		err = r.emit(*batch...)
		r.clock.Resume()
	}
	*batch = dialect.ResetDeltas(*batch) // they refer to a stream's memory
	r.model.batches.Put(batch)
	if err != nil {
		return failover.Canceled(err)
	}
	return nil
}

// finish ends a complete response.
func (r *relay) finish(o *response) *failover.Failure {
	if r.replay != nil && !r.replay.caughtUp() {
		return differs(errShorter)
	}
	if f := r.begin(o); f != nil {
		return f
	}
	r.rest()
	return nil
}

// ended returns what the end of the body means, which is clean if nothing but the server ended it.
// raw is the part of an event before it: a server may leave out the empty line after the last one.
func (r *relay) ended(o *response, raw sse.RawEvent, err error, at *progress, clean bool) *failover.Failure {
	cause := context.Cause(o.ctx)
	o.ended = clean
	if len(raw.Data)+len(raw.Bare) > 0 {
		if over, f := r.last(o, raw, at, clean); over || f != nil {
			return f
		}
	}
	switch whole := r.reader.Whole(); {
	case (clean || errors.Is(cause, failover.NoEnd)) && whole:
		return r.finish(o)
	case errors.Is(cause, failover.NoEnd): // while an event arrived after which it is not whole
		return failover.Cut(cause)
	case errors.Is(err, sse.ErrEventTooLong) && cause == nil:
		return r.tooLong(err)
	case isExhausted(err):
		return noMemory(err)
	default:
		return o.broken(err)
	}
}

// interrupted decides what can be done about a failure after something has been passed on.
func (r *relay) interrupted(f *failover.Failure) {
	if f.Status != 0 { // an error event, or a rejected attempt to continue: too late to be the client's own rejection
		f.Err.Code = apierr.CodeUpstreamError
	}
	_ = r.enter() // if another response leads by now, its sequence is over, and what is decided has no effect
	defer r.leave()
	switch {
	case r.transcript == nil || !r.transcript.comparable():
		f.Action = failover.GiveUp
	case r.sequence.Resumes() && f.Outcome == failover.OutcomeRejected:
		f.Action = failover.TryNext
	case errors.Is(f.Err, failover.Silence): // it had begun: the server's next response need not stall too
		f.Action = failover.RetryLater
	}
}

func differs(why error) *failover.Failure {
	return &failover.Failure{Outcome: failover.OutcomeDiffers, Action: failover.GiveUp, Err: &apierr.Error{
		Code:    apierr.CodeUpstreamCut,
		Message: "the upstream ended its response early, and its response to a second request was a different one; try again",
		Cause:   fmt.Errorf("continue a response that was cut: %w", why),
	}}
}
