package sse

import (
	"bytes"
	"errors"
	"io"
)

// ErrEventTooLong says that an event is longer than its Reader takes.
var ErrEventTooLong = errors.New("server-sent event is too long")

// RawEvent is an event as a server sent it. Its slices belong to the Reader: name and ID change
// with its next call, the data with its next Next.
type RawEvent struct {
	Name []byte // empty for most
	Data []byte // data lines joined with '\n'
	ID   []byte // as this event gives it; empty if it gives none
	Bare []byte // a JSON value on lines of no field, which clients ignore; nearly always empty
}

// Reader reads server-sent events as the WHATWG's HTML standard has them
// ("9.2.6 Interpreting an event stream"), from a server that may be careless: lines
// end in LF, CRLF or CR, a byte order mark may stand in front, comments and unknown
// fields are skipped, but for RawEvent.Bare, which may come without any data. An event
// is returned as soon as its empty line is there, or the end of a Bare in its place. It
// keeps one buffer, and allocates nothing per event. It is for one goroutine.
type Reader struct {
	r       io.Reader
	max     int
	reserve func(change int) error // nil: memory is not counted
	err     error                  // of r; nothing more comes

	// buf[base:end] has been read and not been returned; the current event begins at
	// base, its next line at pos, and up to pos+scanned there is no line end.
	buf                     []byte
	base, pos, scanned, end int
	skipLF                  bool // the last line ended in CR: an LF that follows is part of its end
	begun                   bool // the byte order mark has been looked for
	filled                  bool // the last read filled buf
	returns                 bool // there has been a CR; most servers send none
	returned                bool // the current event has been returned

	// The event at hand. Data lies in buf, from base+dataStart to base+dataEnd; it is
	// joined in place, which may run over fields behind it, so these are copied.
	name, id           []byte
	dataStart, dataEnd int
	hasData, pending   bool
	bare               bareValue
}

const (
	firstBuffer = 2 << 10  // bytes allocated at first; most events are far shorter
	burstBuffer = 16 << 10 // bytes once a read has filled the first
	keptBuffer  = 64 << 10 // a buffer that grew beyond it is given up once it is empty, or nearly so
)

// NewReader returns a reader of the events in r, each at most maxEvent bytes long
// with its field names and line ends.
func NewReader(r io.Reader, maxEvent int) *Reader {
	return &Reader{r: r, max: maxEvent}
}

// Reserve makes the Reader count its buffer once that is larger than nearly all events need: before
// it grows, reserve is called with how many bytes more it will take, and an error is Next's; after
// it has shrunk, with how many less, below 0. What it holds when it is no longer used is the
// caller's to return.
func (r *Reader) Reserve(reserve func(change int) error) { r.reserve = reserve }

// Next returns the next event. Its error is io.EOF when r ended between two events. If
// r ended, or failed, inside an event, Next returns what there is of that event with
// io.ErrUnexpectedEOF, or r's error; servers that leave out the last empty line make
// that a case worth a look. An event that is too long is ErrEventTooLong. After an
// error only errors follow.
func (r *Reader) Next() (RawEvent, error) {
	for {
		if e, ok := r.Buffered(); ok {
			return e, nil
		}
		if !r.fill() {
			return r.finish()
		}
	}
}

// Buffered returns the next event if all of it has been read already. The data of the events before
// it stay as they are.
func (r *Reader) Buffered() (e RawEvent, ok bool) {
	if r.returned {
		r.returned = false
		r.begin()
	}
	for {
		start, end, ok := r.line()
		switch {
		case !ok:
			return RawEvent{}, false
		case start < end:
			r.field(start, end)
			if r.bare.closed && r.bare.alone {
				r.returned = true
				return r.event(), true
			}
		case r.hasData, r.bare.closed:
			r.returned = true
			return r.event(), true
		default:
			r.begin()
		}
	}
}

// begin forgets the event at hand and starts at the next line.
func (r *Reader) begin() {
	r.base = r.pos
	r.name, r.id = r.name[:0], r.id[:0]
	r.hasData, r.pending = false, false
	r.dataStart, r.dataEnd = 0, 0
	if r.bare.begun {
		r.bare = bareValue{}
	}
	if r.base == r.end {
		r.base, r.pos, r.end = 0, 0, 0
		if len(r.buf) > keptBuffer {
			_ = r.count(-len(r.buf))
			r.buf = nil
		}
	}
}

// count calls reserve.
func (r *Reader) count(change int) error {
	if r.reserve == nil {
		return nil
	}
	return r.reserve(change)
}

func (r *Reader) event() RawEvent {
	e := RawEvent{Name: r.name, Data: r.buf[r.base+r.dataStart : r.base+r.dataEnd], ID: r.id}
	if r.bare.begun {
		e.Bare = r.buf[r.base+r.bare.start : r.base+r.bare.end]
	}
	return e
}

// finish tells an end between events from one inside an event.
func (r *Reader) finish() (RawEvent, error) {
	if start := r.pos; start < r.end && r.err != ErrEventTooLong { //nolint:errorlint // our own
		r.pos, r.scanned = r.end, 0
		r.field(start, r.end)
	}
	if !r.pending {
		return RawEvent{}, r.err
	}
	if r.err == io.EOF { //nolint:errorlint // a reader's end is io.EOF itself
		r.err = io.ErrUnexpectedEOF
	}
	e := r.event()
	r.pending, r.hasData = false, false
	return e, r.err
}

// line finds the next line, buf[start:end] without its line end, if all of it has been read.
func (r *Reader) line() (start, end int, ok bool) {
	if r.skipLF && r.pos < r.end {
		r.skipLF = false
		if r.buf[r.pos] == '\n' {
			r.pos++
			if !r.pending {
				r.base = r.pos
			}
		}
	}
	unseen := r.buf[r.pos+r.scanned : r.end]
	i := bytes.IndexByte(unseen, '\n')
	cr := -1
	if r.returns {
		before := unseen
		if i >= 0 {
			before = unseen[:i]
		}
		if cr = bytes.IndexByte(before, '\r'); cr >= 0 {
			i = cr
		}
	}
	if i < 0 {
		r.scanned = r.end - r.pos
		return 0, 0, false
	}
	start, end = r.pos, r.pos+r.scanned+i
	r.pos, r.scanned = end+1, 0
	r.skipLF = cr >= 0
	if !r.begun {
		r.begun = true
		if bytes.HasPrefix(r.buf[start:end], []byte("\ufeff")) {
			start += len("\ufeff")
		}
	}
	return start, end, true
}

// fill reads more, after making room. It returns false when nothing more comes.
func (r *Reader) fill() bool {
	if r.err != nil {
		return false
	}
	if r.err = r.makeRoom(); r.err != nil {
		return false
	}
	for range 100 {
		n, err := r.r.Read(r.buf[r.end:])
		r.returns = r.returns || bytes.IndexByte(r.buf[r.end:r.end+n], '\r') >= 0
		r.end += n
		r.filled = r.end == len(r.buf)
		if err != nil {
			r.err = err
			return n > 0
		}
		if n > 0 {
			return true
		}
	}
	r.err = io.ErrNoProgress
	return false
}

// makeRoom moves the event at hand to the front of the buffer, or of another one, so that a read
// brings as much as it can.
func (r *Reader) makeRoom() error {
	buf := r.buf
	switch {
	case r.base == 0 && r.end == len(buf):
		if len(buf) >= r.max {
			return ErrEventTooLong
		}
		return r.replace(min(r.max, max(firstBuffer, 2*len(buf))))
	case r.filled && len(buf) < burstBuffer: // events come faster than they are taken: larger pieces cost less
		return r.replace(min(r.max, burstBuffer))
	case len(buf) > keptBuffer && r.end-r.base <= keptBuffer/2: // a large event is followed by small ones
		return r.replace(keptBuffer)
	case r.base > 0:
		r.move(buf)
	}
	r.filled = false
	return nil
}

// replace moves the event at hand to a buffer of another size. Both are there for a moment.
func (r *Reader) replace(size int) error {
	if size > keptBuffer {
		if err := r.count(size); err != nil {
			return err
		}
	}
	before := len(r.buf)
	r.move(make([]byte, size))
	if before > keptBuffer {
		return r.count(-before)
	}
	return nil
}

func (r *Reader) move(buf []byte) {
	r.filled = false
	r.end = copy(buf, r.buf[r.base:r.end])
	r.pos -= r.base
	r.base = 0
	r.buf = buf
}

// field takes a line of the event at hand, buf[start:end].
func (r *Reader) field(start, end int) {
	name := r.buf[start:end]
	var value []byte
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		name, value = name[:i], name[i+1:]
	}
	if len(name) == 0 { // a comment
		if !r.pending {
			r.base = r.pos
		}
		return
	}
	alone := !r.pending
	r.pending = true
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	switch string(name) {
	case "data":
		r.data(value, end-len(value)-r.base)
	case "event":
		r.name = append(r.name[:0], value...)
	case "id":
		r.id = append(r.id[:0], value...)
	default:
		r.bare.line(r.buf[start:end], start-r.base, end-r.base, alone)
	}
}

// data adds a line to the event's data; the line stands at offset in the event. If there
// is one before it, it is moved up to that one's end. It never has to move back, since
// the "data" in front of it is longer than the '\n' that takes its place.
func (r *Reader) data(line []byte, offset int) {
	if !r.hasData {
		r.hasData = true
		r.dataStart, r.dataEnd = offset, offset+len(line)
		return
	}
	r.bare = bareValue{} // it may be where the line is moved to
	joined := r.buf[r.base+r.dataEnd:]
	joined[0] = '\n'
	r.dataEnd += 1 + copy(joined[1:], line)
}
