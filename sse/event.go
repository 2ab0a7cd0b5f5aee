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
	buf = append(append(append(buf, "id: "...), stream.text...), '-')
	buf = append(strconv.AppendInt(buf, seq, 10), '\n')
	return e.append(buf)
}

func (e Event) append(buf []byte) []byte {
	if e.Name.text != "" {
		buf = append(append(append(buf, "event: "...), e.Name.text...), '\n')
	}
	data := e.Data
	for {
		i := lineEnd(data)
		line := data
		if i >= 0 {
			line = data[:i]
		}
		buf = append(append(append(buf, "data: "...), line...), '\n')
		if i < 0 {
			return append(buf, '\n')
		}
		if data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n' {
			i++
		}
		data = data[i+1:]
	}
}

// lineEnd returns where the first line of data ends, -1 if it is the only one, as it nearly
// always is.
func lineEnd(data []byte) int {
	lf := bytes.IndexByte(data, '\n')
	if cr := bytes.IndexByte(data, '\r'); cr >= 0 && (lf < 0 || cr < lf) {
		return cr
	}
	return lf
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
