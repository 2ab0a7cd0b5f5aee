package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/sse"
)

const (
	maxEvent = 4<<20 + 64<<10 // bytes of one event: lines of 4 MiB, and what is around them
	maxHeld  = 256 << 10      // bytes held back before the first content
	endTime  = 2 * time.Second
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

	text  int   // bytes of text that have been passed on
	limit int64 // of what is gathered; 0: there is none
	sum   int64 // about the bytes of that

	// If the transcript is kept, several responses can be read after something has been passed on:
	// mu is held while events are compared or passed on, and not while they are waited for.
	mu         sync.Mutex
	transcript *transcript // what the client has; nil if it need not be known
}

// relay passes the events of one response on.
//
// A response is complete when the server says so: by [DONE] (or, of /v1/responses, by its last
// event), or by a finish_reason in every choice and then a clean end of the body, or, if that does
// not come, endTime without another event.
type relay struct {
	*outlet
	sequence *sequence

	reader  dialect.Reader
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
		if f != nil && r.resumes {
			r.interrupted(f)
		}
		return f
	})
	if f != nil {
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

// pass passes one response on. It returns nil once that is complete.
func (r *relay) pass(o *response) *failure {
	if f := o.asEvents(r.generation); f != nil {
		defer o.close()
		return f
	}
	r.reader = r.generation.remote.Reader(r.generation.client, o.asked)
	f := r.enter()
	if f == nil {
		if r.resumes {
			r.replay = r.transcript.replay()
		}
		f = r.read(o)
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

// enter begins the use of the outlet, which leave ends. It returns the failure of a response that
// must not be passed on, as another one is.
func (r *relay) enter() *failure {
	if r.transcript == nil { // only the one that leads uses it
		return nil
	}
	r.mu.Lock()
	if r.sequence.lost.Load() {
		return canceled(errLost)
	}
	return nil
}

func (r *relay) leave() {
	if r.transcript != nil {
		r.mu.Unlock()
	}
}

// read reads events and passes them on, until the response is complete or has failed. It enters
// again after each wait, and what it has not flushed is the caller's to flush.
func (r *relay) read(o *response) *failure {
	limits := r.model.config.Timeouts
	flowing, whole := false, false
	events := sse.NewReader(o.body, maxEvent)
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
			return r.ended(o, raw, err)
		}
		for more := true; more; raw, more = events.Buffered() {
			e, err := r.event(raw)
			if err != nil {
				return malformed("an event: %w", err)
			}
			sign := r.reader.Read(e)
			switch sign {
			case dialect.SignEmpty:
				continue
			case dialect.SignDone:
				return r.finish(o)
			case dialect.SignError:
				return reported(e.Data, o)
			case dialect.SignMalformed:
				f := malformed("an event that is none of this dialect: %.200q", redact(e.Data, o.secret))
				f.err.Logged = fmt.Sprintf("the upstream sent an event of %d bytes that is none of this dialect", len(e.Data))
				return f
			case dialect.SignQuiet, dialect.SignContent, dialect.SignComplete, dialect.SignLast:
				if o.asked {
					e.Data = r.reader.Trim(e.Data)
				}
			}
			was := whole
			switch whole = r.reader.Whole(); {
			case whole: // after each event more may follow: a usage, or text after an early finish_reason
				o.watchdog.set(endTime, errNoEnd)
			case was || sign >= dialect.SignContent && !flowing:
				flowing = true
				o.server.breaker.responded()
				o.watchdog.set(limits.BetweenTokens, errBetweenTokens)
			}
			if f := r.take(o, e, sign); f != nil {
				return f
			}
			if sign == dialect.SignLast {
				return nil
			}
		}
	}
}

// event returns an event as it was read. Nearly all have the name of the one before, mostly none.
func (r *relay) event(raw sse.RawEvent) (sse.Event, error) {
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
func (r *relay) take(o *response, e sse.Event, sign dialect.Sign) *failure {
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
func (r *relay) begin(o *response) *failure {
	if !r.leading || r.attempts.contested.Load() {
		if !r.attempts.lead(r.sequence) {
			return canceled(errLost)
		}
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
func (r *relay) add(e sse.Event) *failure {
	if r.transcript != nil {
		r.transcript.note(e.Data)
	}
	if r.batch == nil {
		r.batch = r.model.batches.Get().(*[]dialect.Delta)
	}
	var err error
	before := len(*r.batch)
	if *r.batch, err = r.reader.Deltas(*r.batch, e); err != nil {
		return malformed("%w", err)
	}
	if r.limit > 0 {
		return r.bound(len(e.Data), (*r.batch)[before:])
	}
	return nil
}

// flush emits what has been added since the last read.
func (r *relay) flush() *failure {
	batch := r.batch
	if batch == nil {
		return nil
	}
	r.batch = nil
	var err error
	if len(*batch) > 0 {
		err = r.emit(*batch...)
	}
	*batch = dialect.ResetDeltas(*batch) // they refer to a stream's memory
	r.model.batches.Put(batch)
	if err != nil {
		return canceled(err)
	}
	return nil
}

// finish ends a complete response.
func (r *relay) finish(o *response) *failure {
	if r.replay != nil && !r.replay.caughtUp() {
		return differs(errShorter)
	}
	return r.begin(o)
}

// ended returns what the end of the body means. raw is the part of an event before it: a server may
// leave out the empty line after [DONE].
func (r *relay) ended(o *response, raw sse.RawEvent, err error) *failure {
	cause := context.Cause(o.ctx)
	o.ended = err == io.EOF //nolint:errorlint // io.EOF itself is a clean end
	whole := r.reader.Whole()
	isDone := r.reader.Read(sse.Event{Data: raw.Data}) == dialect.SignDone
	switch {
	case isDone, (o.ended || errors.Is(cause, errNoEnd)) && whole:
		return r.finish(o)
	case errors.Is(cause, errNoEnd): // while an event arrived after which it is not whole
		return cut(cause)
	case errors.Is(err, sse.ErrEventTooLong) && cause == nil:
		return malformed("%w: more than %d bytes", err, maxEvent)
	default:
		return o.broken(err)
	}
}

// interrupted decides what can be done about a failure after something has been passed on.
func (r *relay) interrupted(f *failure) {
	if f.status != 0 { // an error event, or a rejected attempt to continue: too late to be the client's own rejection
		f.err.Code = apierr.CodeUpstreamError
	}
	r.enter() // if another response leads by now, nothing is done
	defer r.leave()
	switch {
	case r.transcript == nil || !r.transcript.comparable():
		f.action = giveUp
	case r.sequence.resumes && f.outcome == OutcomeRejected:
		f.action = tryNext
	case errors.Is(f.err, errBetweenTokens): // it had begun: the server's next response need not stall too
		f.action = retryLater
	}
}

func differs(why error) *failure {
	return &failure{outcome: OutcomeDiffers, action: giveUp, err: &apierr.Error{
		Code:    apierr.CodeUpstreamCut,
		Message: "the upstream ended its response early, and its response to a second request was a different one; try again",
		Cause:   fmt.Errorf("continue a response that was cut: %w", why),
	}}
}
