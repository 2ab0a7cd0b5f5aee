package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"penstock/dialect"
	"penstock/failover"
	"penstock/sse"
)

// progress is how far a response has come.
type progress struct {
	flowing bool // there has been content
	whole   bool // it may end here, although no event says so
}

// note notes an event that is passed on, which sets the time until the next byte. After a
// finish_reason in every choice more may follow, however late: a usage, or text if that came early.
// Before any content it does not count: some servers send one with each chunk.
func (p *progress) note(o *response, sign dialect.Sign, whole bool) {
	was, begins := p.whole, sign >= dialect.SignContent && !p.flowing
	if begins {
		p.flowing = true
		o.sequence.Healthy()
	}
	limits := o.model.config.Timeouts
	switch p.whole = whole && p.flowing; {
	case p.whole && !was:
		o.watchdog.Set(limits.AfterFinish, failover.NoEnd)
	case !p.whole && (was || begins):
		o.watchdog.Set(limits.BetweenTokens, failover.Silence)
	}
}

// one reads one event and passes it on. over: the response is complete.
func (r *relay) one(o *response, raw *sse.RawEvent, at *progress) (over bool, f *failover.Failure) {
	if len(raw.Data) > 0 || len(raw.Bare) == 0 {
		if over, f = r.data(o, raw, at); over || f != nil {
			return over, f
		}
	}
	if len(raw.Bare) > 0 {
		if is, err := dialect.ReportsError(raw.Bare); is && err == nil {
			return false, reported(raw.Bare, o)
		}
	}
	return false, nil
}

// data reads the data of an event.
func (r *relay) data(o *response, raw *sse.RawEvent, at *progress) (over bool, f *failover.Failure) {
	e, err := r.event(raw)
	if err != nil {
		return false, failover.Malformed("an event: %w", err)
	}
	sign := r.reader.Read(e)
	switch sign {
	case dialect.SignEmpty:
		return false, nil
	case dialect.SignDone:
		return true, r.finish(o)
	case dialect.SignError:
		return false, reported(e.Data, o)
	case dialect.SignMalformed:
		f := failover.Malformed("an event that is none of this dialect: %.200q", o.secrets.Redact(e.Data))
		f.Err.Logged = fmt.Sprintf("the upstream sent an event of %d bytes that is none of this dialect", len(e.Data))
		return false, f
	case dialect.SignQuiet, dialect.SignContent, dialect.SignComplete, dialect.SignLast:
		e.Data = r.reader.Trim(e.Data)
	}
	at.note(o, sign, r.reader.Whole())
	f = r.take(o, e, sign)
	return sign == dialect.SignLast, f
}

// last reads what there is of an event before the end of the body. It counts if it is whole: an
// event that was cut is not JSON.
func (r *relay) last(o *response, raw sse.RawEvent, at *progress, clean bool) (over bool, f *failover.Failure) {
	if data := bytes.TrimSpace(raw.Data); len(data) > 0 && data[0] == '[' && r.reader.Read(sse.Event{Data: data}) == dialect.SignDone {
		return true, r.finish(o)
	}
	if !clean || !json.Valid(raw.Data) {
		raw.Data = nil
	}
	if len(raw.Data)+len(raw.Bare) == 0 {
		return false, nil
	}
	return r.one(o, &raw, at)
}

// ending is a body that notes whether the server has ended it.
type ending struct {
	io.Reader
	clean bool
}

// Read implements io.Reader.
func (e *ending) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	e.clean = err == io.EOF //nolint:errorlint // io.EOF itself is a clean end
	return n, err
}
