package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
)

const (
	maxEvent  = 4<<20 + 64<<10 // bytes of one event: lines of 4 MiB, and what stands around them
	maxHeld   = 256 << 10      // bytes held back before the first content
	lingering = 2 * time.Second
)

// stream answers a question with a server's stream of events.
func (m *model) stream(ctx context.Context, e *endpoint, q question, g func(question) grammar, emit func(...engine.Encoded) error) (engine.End, error) {
	r := &relay{model: m, question: q, emit: emit}
	if m.config.Match && q.answers() == 1 && (e == chatStream || e == completionStream) {
		r.said = &transcript{}
	}
	w := &walk{model: m, question: q}
	var end engine.End
	f := w.run(ctx, func(ctx context.Context, s *server) *fault {
		answer, f := m.ask(ctx, s, e, q, m.config.Timeouts.FirstToken, errFirstToken)
		if f == nil {
			grammar := g(q)
			if f = r.relay(answer, s, grammar); f == nil {
				end = grammar.end()
			}
		}
		if f != nil && r.begun {
			r.brokeOff(f, w.rescuing)
			w.rescuing = true
		}
		return f
	})
	if f != nil {
		return engine.End{}, f.err
	}
	return end, nil
}

// relay hands events on to one client. It is for one question, over all servers that are
// asked it.
//
// An answer is complete when its server says so: by [DONE] (or, of /v1/responses, by its
// last event), or by a finish_reason in every choice and then a clean end of the body,
// or, if that is left open, two seconds in which nothing more comes.
type relay struct {
	model    *model
	question question
	emit     func(...engine.Encoded) error

	begun bool             // something has been handed on
	held  []engine.Encoded // until there is content: another server may yet have to answer
	size  int              // bytes held
	batch []engine.Encoded // of what one read has brought: it is emitted before the next
	name  string           // of the last event

	said   *transcript // what the client has; nil if nobody wants to know
	replay *replay     // of said, by a further answer
}

// relay hands one server's answer on. It returns nil once that is complete.
func (r *relay) relay(a *open, s *server, g grammar) *fault {
	if kind, _, _ := mime.ParseMediaType(a.head.Header.Get("Content-Type")); kind == "text/html" || kind == "application/json" {
		defer a.close()
		return r.notEvents(a).named(s)
	}
	if !r.begun {
		r.held, r.size = nil, 0 // of a server that did not get as far as content
	}
	f := r.events(a, s, g)
	if f == nil {
		a.drain()
	} else {
		a.close()
	}
	return f
}

// notEvents says what came in place of a stream: an error that thought itself a success,
// or nothing that can be used.
func (r *relay) notEvents(a *open) *fault {
	data, err := io.ReadAll(io.LimitReader(a.body, maxRejection))
	if cause := context.Cause(a.ctx); cause != nil {
		return unanswered(a.ctx, cause, r.model.config.Timeouts)
	}
	var e envelope
	if err == nil && json.Unmarshal(data, &e) == nil && e.reports() {
		return reported(data, a)
	}
	return broken("a body of type %q in place of events", a.head.Header.Get("Content-Type"))
}

func (r *relay) events(a *open, s *server, g grammar) *fault {
	f := r.read(a, s, g)
	if left := r.flush(); left != nil {
		return left
	}
	return f
}

func (r *relay) read(a *open, s *server, g grammar) *fault {
	limits := r.model.config.Timeouts
	flowing, whole := false, false
	reader := dialect.NewEventReader(a.body, maxEvent)
	for {
		if f := r.flush(); f != nil {
			return f
		}
		e, err := reader.Next()
		if err != nil {
			return r.ended(a, s, g, e, err)
		}
		if flowing && !whole { // of events that come together one is a sign of life enough
			a.watch.touch()
		}
		for more := true; more; e, more = reader.Buffered() {
			sign := g.read(e.Name, e.Data)
			switch sign {
			case blank:
				continue
			case done:
				return r.finish(a, s)
			case failure:
				return reported(e.Data, a).named(s)
			case rubbish:
				return broken("an event that is none of this dialect: %.200q", redact(e.Data, a.secret))
			case quiet, content, complete, last:
			}
			was := whole
			switch whole = g.whole(); {
			case whole: // from each event on, more may come: a usage, or text behind an early finish_reason
				a.watch.expect(lingering, errLingers)
			case was || sign >= content && !flowing:
				flowing = true
				s.breaker.answered()
				a.watch.expect(limits.BetweenTokens, errBetweenTokens)
			}
			if f := r.take(a, s, e.Name, e.Data, sign); f != nil {
				return f
			}
			if sign == last {
				return nil
			}
		}
	}
}

// flush emits what has been handed on since the last read.
func (r *relay) flush() *fault {
	if len(r.batch) == 0 {
		return nil
	}
	err := r.emit(r.batch...)
	r.batch = r.batch[:0]
	if err != nil {
		return canceled(err)
	}
	return nil
}

// take hands an event on, or holds it back.
func (r *relay) take(a *open, s *server, name, data []byte, sign sign) *fault {
	if r.replay != nil {
		fresh, forward, err := r.replay.next(data)
		switch {
		case err != nil:
			return differs(err)
		case !forward:
			return nil
		}
		data = fresh
		if r.replay.over {
			r.replay = nil
		}
	}
	if string(name) != r.name { // most have the name of the one before, mostly none
		r.name = string(name)
	}
	chunk := engine.Encoded{Name: r.name, Data: data}
	if !r.begun && sign == quiet && r.size+len(data) <= maxHeld {
		chunk.Data = bytes.Clone(chunk.Data)
		r.held = append(r.held, chunk)
		r.size += len(data)
		return nil
	}
	r.begin(a, s)
	r.hand(chunk)
	return nil
}

// begin hands on what has been held back, and the head of the answer before it.
func (r *relay) begin(a *open, s *server) {
	if r.begun {
		return
	}
	r.begun = true
	if r.question.answer != nil {
		header := handedOn(a.head.Header, a.secret)
		header.Set(headerUpstream, s.Name)
		r.question.answer.Head(http.StatusOK, header)
	}
	for _, chunk := range r.held {
		r.hand(chunk)
	}
	r.held = nil
}

func (r *relay) hand(chunk engine.Encoded) {
	if r.said != nil {
		r.said.note(chunk.Data)
	}
	r.batch = append(r.batch, chunk)
}

// finish is the end of a complete answer.
func (r *relay) finish(a *open, s *server) *fault {
	if r.replay != nil && !r.replay.caughtUp() {
		return differs(errShorter)
	}
	r.begin(a, s)
	return nil
}

// ended says what it means that no further event comes; e is what came of one. A server
// may be careless about the empty line after [DONE].
func (r *relay) ended(a *open, s *server, g grammar, e dialect.Event, err error) *fault {
	cause := context.Cause(a.ctx)
	a.over = err == io.EOF //nolint:errorlint // io.EOF itself is a clean end
	switch {
	case isDone(e.Data), (a.over || errors.Is(cause, errLingers)) && g.whole():
		return r.finish(a, s)
	case errors.Is(cause, errLingers): // while an event came that makes it less than whole
		return cut(cause)
	case cause != nil:
		return unanswered(a.ctx, cause, r.model.config.Timeouts)
	case errors.Is(err, dialect.ErrEventTooLong):
		return broken("%w: more than %d bytes", err, maxEvent)
	default:
		return cut(err)
	}
}

// brokeOff sees what can be done about a fault after something has been handed on. rescue
// tells that it befell an answer that was to go on with another.
func (r *relay) brokeOff(f *fault, rescue bool) {
	if f.status != 0 { // an error event, or a rejection of the rescue: too late to be one of the client's request
		f.err.Code = apierr.CodeUpstreamError
	}
	switch {
	case r.said == nil || !r.said.comparable():
		f.remedy = nothing
	case rescue && f.outcome == OutcomeRejected:
		f.remedy = another
	case errors.Is(f.err, errBetweenTokens): // it had begun: it may have been one answer's misfortune
		f.remedy = again
	}
	if f.remedy != nothing {
		r.replay = r.said.replay()
	}
}

func differs(why error) *fault {
	return &fault{outcome: OutcomeDiffers, remedy: nothing, err: &apierr.Error{
		Code:    apierr.CodeUpstreamCut,
		Message: "the upstream broke off, and when it was asked again it gave another answer; try again",
		Cause:   fmt.Errorf("go on with an answer that broke off: %w", why),
	}}
}
