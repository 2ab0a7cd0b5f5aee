package sse

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
)

// ErrLineEnd reports a name or id that an event cannot have: it holds CR, LF or NUL.
var ErrLineEnd = errors.New("sse: a name or id must not hold a line end or NUL")

// Name is the name of an event. The zero Name is no name, which EventSource calls "message".
// Names are comparable.
type Name struct{ text string }

// ParseName returns the Name with that text, or ErrLineEnd.
func ParseName(text string) (Name, error) {
	if strings.ContainsAny(text, "\r\n\x00") {
		return Name{}, ErrLineEnd
	}
	return Name{text}, nil
}

// MustName is ParseName for names that are constants of the program; it panics on an error.
func MustName(text string) Name {
	n, err := ParseName(text)
	if err != nil {
		panic(err)
	}
	return n
}

// String returns the name's text, "" for no name.
func (n Name) String() string { return n.text }

// ID is the id of an event, which a client sends back as Last-Event-ID. The zero ID is none.
type ID struct{ text string }

// ParseID returns the ID with that text, or ErrLineEnd.
func ParseID(text string) (ID, error) {
	if strings.ContainsAny(text, "\r\n\x00") {
		return ID{}, ErrLineEnd
	}
	return ID{text}, nil
}

// NumberedID returns the id of event number seq of a stream: the stream's id, a dash, the number.
func NumberedID(stream ID, seq int64) ID {
	var digits [20]byte
	return ID{stream.text + "-" + string(strconv.AppendInt(digits[:0], seq, 10))}
}

// String returns the id's text, "" for none.
func (id ID) String() string { return id.text }

// Event is one event without its id, which is given to it by its place in a stream.
type Event struct {
	Name Name
	Data []byte // any bytes
}

// Append appends the event in its wire form, with the id unless that is zero, and returns the
// extended buffer. Line ends in Data (CR, LF or CRLF) start further data fields; a client joins
// them with LF.
func (e Event) Append(buf []byte, id ID) []byte {
	if id.text != "" {
		buf = append(append(append(buf, "id: "...), id.text...), '\n')
	}
	return e.append(buf)
}

// AppendNumbered is Append with NumberedID(stream, seq), which it writes without allocating.
func (e Event) AppendNumbered(buf []byte, stream ID, seq int64) []byte {
	return e.append(appendNumber(buf, stream, seq))
}

func appendNumber(buf []byte, stream ID, seq int64) []byte {
	buf = append(append(append(buf, "id: "...), stream.text...), '-')
	return append(strconv.AppendInt(buf, seq, 10), '\n')
}

func (e Event) append(buf []byte) []byte {
	buf = e.appendName(buf)
	for data := (lines{data: e.Data}); ; {
		line, more := data.next()
		buf = append(append(append(buf, "data: "...), line...), '\n')
		if !more {
			return append(buf, '\n')
		}
	}
}

func (e Event) appendName(buf []byte) []byte {
	if e.Name.text == "" {
		return buf
	}
	return append(append(append(buf, "event: "...), e.Name.text...), '\n')
}

// AppendInPieces is AppendNumbered, or without an id if stream is zero, for events of any size:
// whenever buf holds size bytes it is passed to flush, which returns the buffer to go on with. The
// error is that of flush.
func (e Event) AppendInPieces(buf []byte, stream ID, seq int64, size int, flush func([]byte) ([]byte, error)) (_ []byte, err error) {
	if stream.text != "" {
		buf = appendNumber(buf, stream, seq)
	}
	buf = e.appendName(buf)
	for data := (lines{data: e.Data}); ; {
		line, more := data.next()
		buf = append(buf, "data: "...)
		for len(buf)+len(line) >= size {
			n := min(len(line), max(0, size-len(buf)))
			if buf, err = flush(append(buf, line[:n]...)); err != nil {
				return nil, err
			}
			line = line[n:]
		}
		buf = append(append(buf, line...), '\n')
		if !more {
			return append(buf, '\n'), nil
		}
	}
}

// lines are the lines of some data. Finding them all looks at each byte twice, however many there
// are; nearly always there is one.
type lines struct {
	data   []byte
	begin  int // of the next line
	lf, cr int // where the next ones of each are, from begin on; len(data): there are none
}

// next returns the next line, without its end, and whether another follows.
func (l *lines) next() (line []byte, more bool) {
	l.lf = l.find(l.lf, '\n')
	l.cr = l.find(l.cr, '\r')
	end := min(l.lf, l.cr)
	line = l.data[l.begin:end]
	if end == len(l.data) {
		return line, false
	}
	l.begin = end + 1
	if l.lf == l.cr+1 { // CRLF is one line end
		l.begin++
	}
	return line, true
}

// find returns where the next b is, which was at known.
func (l *lines) find(known int, b byte) int {
	if known >= l.begin && l.begin > 0 {
		return known
	}
	if i := bytes.IndexByte(l.data[l.begin:], b); i >= 0 {
		return l.begin + i
	}
	return len(l.data)
}

// AppendOpening appends what opens a stream that an EventSource may resume: an id, so that a
// connection cut before its first event comes back with Last-Event-ID, and the reconnection time.
// It dispatches no event.
func AppendOpening(buf []byte, id ID, retry time.Duration) []byte {
	buf = append(append(append(buf, "id: "...), id.text...), "\nretry: "...)
	return append(strconv.AppendInt(buf, retry.Milliseconds(), 10), "\n\n"...)
}

// AppendHeartbeat appends a comment, which clients ignore and which keeps the connection alive.
func AppendHeartbeat(buf []byte) []byte { return append(buf, ": keep-alive\n\n"...) }

// AppendHeartbeatLine appends the comment without the empty line after it. To a client that keeps
// to the standard it is the same; some take the empty line for the end of an event.
func AppendHeartbeatLine(buf []byte) []byte { return append(buf, ": keep-alive\n"...) }
