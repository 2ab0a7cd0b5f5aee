package httpmodel

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"penstock/engine"
	"penstock/sse"
)

// errLineTooLong reports a line that is longer than Config.MaxEvent.
var errLineTooLong = errors.New("a line is too long")

const (
	firstBuffer = 4 << 10
	keptBuffer  = 64 << 10 // a larger buffer is reserved, and given up once it is empty
)

// lines are the chunks of JSON values on lines.
type lines struct {
	r       io.Reader
	framed  bool
	limit   int
	reserve func(change int) error

	buf             []byte
	base, seen, end int   // a line begins at buf[base]; there is no line end before buf[seen]
	err             error // of r; nothing more comes
	begun           bool  // the first line, which a byte order mark may stand before, has been taken
}

// read implements chunks.
func (l *lines) read(into []sse.Event) ([]sse.Event, engine.End, error) {
	chunks := into
	for {
		line, ok := l.next()
		switch {
		case ok:
			var err error
			if chunks, err = l.add(chunks, line); err != nil {
				return chunks, engine.End{}, err
			}
		case len(chunks) > len(into):
			return chunks, engine.End{}, nil
		case l.err == nil:
			l.fill()
		default:
			return l.finish(chunks)
		}
	}
}

// next returns the next line that has been read whole.
func (l *lines) next() (line []byte, ok bool) {
	i := bytes.IndexByte(l.buf[l.seen:l.end], '\n')
	if i < 0 {
		l.seen = l.end
		return nil, false
	}
	line = l.buf[l.base : l.seen+i]
	l.seen += i + 1
	l.base = l.seen
	return line, true
}

// fill reads more. What was returned before is no longer used.
func (l *lines) fill() {
	if l.err = l.makeRoom(); l.err != nil {
		return
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end += n
	l.err = err
}

// makeRoom moves the line that has begun to the front, of a larger buffer if it fills this one.
func (l *lines) makeRoom() error {
	size := len(l.buf)
	switch rest := l.end - l.base; {
	case rest >= l.limit:
		return errLineTooLong
	case rest == size:
		size = min(max(firstBuffer, 2*size), l.limit)
	case size > keptBuffer && rest <= keptBuffer/2:
		size = keptBuffer
	}
	buf := l.buf
	if size != len(buf) {
		if size > keptBuffer { // both are there for a moment
			if err := l.reserve(size); err != nil {
				return err
			}
		}
		buf = make([]byte, size)
	}
	copied := copy(buf, l.buf[l.base:l.end])
	if len(buf) != len(l.buf) && len(l.buf) > keptBuffer {
		_ = l.reserve(-len(l.buf)) // it gives back
	}
	l.buf, l.seen, l.base, l.end = buf, l.seen-l.base, 0, copied
	return nil
}

// finish returns the end of the stream if the body ended cleanly, and else an error. The last line
// may have no line end.
func (l *lines) finish(chunks []sse.Event) ([]sse.Event, engine.End, error) {
	switch {
	case l.err != io.EOF: //nolint:errorlint // io.EOF itself is a clean end
		return chunks, engine.End{}, l.err
	case !l.framed:
		return chunks, engine.End{}, errUnframed
	}
	line := l.buf[l.base:l.end]
	l.base, l.seen = l.end, l.end
	chunks, err := l.add(chunks, line)
	if err != nil {
		return chunks, engine.End{}, err
	}
	return chunks, engine.Ended("", engine.Usage{}), nil
}

// errUnframed reports a body that may have been cut: only the end of its connection ended it.
var errUnframed = errors.New("the connection ended, and the response may have been cut: " +
	"it has neither a Content-Length nor chunks")

// add appends a line's value, if it has one.
func (l *lines) add(chunks []sse.Event, line []byte) ([]sse.Event, error) {
	if !l.begun {
		l.begun, line = true, bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return chunks, nil
	}
	if !utf8.Valid(line) || !json.Valid(line) {
		return chunks, malform("a line that is not JSON")
	}
	if message, ok := reportedError(line); ok {
		return chunks, &reported{message}
	}
	return append(chunks, sse.Event{Data: line}), nil
}
