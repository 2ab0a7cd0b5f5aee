package httpmodel

import (
	"context"
	"io"
	"time"

	"penstock/engine"
	"penstock/failover"
	"penstock/memory"
	"penstock/sse"
)

// acceptOf is the media type that is requested for a format.
var acceptOf = map[Format]string{
	FormatSSE: "text/event-stream", FormatJSON: "application/x-ndjson, application/json;q=0.5", FormatText: "text/plain, */*;q=0.5",
}

// relay is one request for a stream.
type relay struct {
	endpoint *endpoint
	in       *payload
	emit     func(...sse.Event) error
	end      engine.End // of the complete response
}

// generate sends the input, and passes the chunks of the response on.
func (e *endpoint) generate(ctx context.Context, in *payload, emit func(...sse.Event) error) (engine.End, error) {
	r := &relay{endpoint: e, in: in, emit: emit}
	if f := e.run(ctx, r.attempt); f != nil {
		return engine.End{}, f.Err
	}
	return r.end, nil
}

// attempt passes one server's response on, from its first chunk.
func (r *relay) attempt(ctx context.Context, q *failover.Sequence) *failover.Failure {
	x, f := r.endpoint.send(ctx, q, r.in, acceptOf[r.endpoint.model.config.Stream.Format])
	if f != nil {
		return f
	}
	leads, f := r.pass(x, q)
	if f == nil {
		x.drain()
		return nil
	}
	x.close()
	f = x.redact(f)
	if leads { // what the client has cannot be taken back, and no other response continues it
		f.Action = failover.GiveUp
	}
	return f
}

// pass passes the chunks of a response on, and reports whether it led.
func (r *relay) pass(x *exchange, q *failover.Sequence) (leads bool, f *failover.Failure) {
	c := x.endpoint.model.config
	large := memory.From(x.ctx).Reserve(memory.Stream)
	defer large.Close()
	from := newChunks(c.Stream, x.body, x.framed, c.MaxEvent, func(change int) error {
		if change < 0 {
			large.Shrink(int64(-change))
			return nil
		}
		return large.Grow(x.ctx, int64(change))
	})
	var batch []sse.Event
	passed := false
	for {
		chunks, end, err := from.read(batch[:0])
		if over := end.Reason() != ""; !leads && (len(chunks) > 0 || over) {
			q.Healthy()
			if leads = q.Lead(); !leads {
				return false, failover.Canceled(failover.ErrLost)
			}
		}
		if len(chunks) > 0 {
			x.watchdog.Pause()
			if err := r.emit(chunks...); err != nil {
				return leads, x.unwanted(err)
			}
			x.watchdog.Resume()
			if !passed {
				passed = true
				x.watchdog.Set(c.Timeouts.BetweenTokens, failover.Silence)
			}
		}
		switch {
		case err != nil:
			return leads, x.broken(err)
		case end.Reason() != "":
			r.end = end
			return leads, nil
		}
		batch = chunks
	}
}

const (
	drainTime  = time.Second // for what follows the end of a complete stream
	drainBytes = 64 << 10
)

// drain reads the few bytes after the end of a complete response, so that its connection can be
// used again, and closes it. The caller does not wait for that.
func (x *exchange) drain() {
	x.watchdog.Detach(drainTime)
	x.endpoint.model.drains.Go(func() {
		defer x.close()
		_, _ = io.CopyN(io.Discard, x.head.Body, drainBytes) // the response is complete, whatever follows
	})
}
