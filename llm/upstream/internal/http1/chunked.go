package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	maxLine    = 4 << 10  // bytes of a chunk's size with its extensions
	maxSurplus = 16 << 10 // bytes of a body that are neither data nor the plain sizes of its chunks
)

var errChunked = errors.New("malformed chunked encoding")

// chunked reads a body in chunks (RFC 9112, 7.1), as strictly as net/http does. It decodes what the connection has brought
// where that lies: servers send each token as a chunk, and a burst of them costs one call here.
type chunked struct {
	from    *bufio.Reader
	state   chunkedState
	left    uint64 // bytes of the chunk at hand
	surplus int64
	err     error
}

// chunkedState is what comes next.
type chunkedState int

const (
	chunkSize chunkedState = iota
	chunkData
	chunkEnd // the line end behind the data
	trailer  // lines behind the last chunk, up to an empty one
)

// Read implements io.Reader. It waits only until there is something.
func (c *chunked) Read(p []byte) (n int, err error) {
	for n < len(p) && c.err == nil {
		ready, _ := c.from.Peek(c.from.Buffered()) // what is there needs no waiting
		took, used := c.decode(p[n:], ready)
		n += took
		_, _ = c.from.Discard(used) // no more than was there
		if n > 0 || c.err != nil {
			break
		}
		if n < len(p) {
			c.wait(c.from.Buffered() + 1)
		}
	}
	if n > 0 && c.err != io.EOF { //nolint:errorlint // our own
		return n, nil // an error comes with the next call
	}
	return n, c.err
}

// wait waits until so many bytes are there.
func (c *chunked) wait(bytes int) {
	switch _, err := c.from.Peek(bytes); {
	case err == io.EOF: //nolint:errorlint // a reader's end is io.EOF itself
		c.err = io.ErrUnexpectedEOF
	case errors.Is(err, bufio.ErrBufferFull):
		c.err = fmt.Errorf("%w: a line is too long", errChunked)
	default:
		c.err = err
	}
}

// decode copies into p what data is ready, and returns how much of both it took.
func (c *chunked) decode(p, ready []byte) (took, used int) {
	for c.err == nil {
		rest := ready[used:]
		switch c.state {
		case chunkData:
			n := copy(p[took:], rest[:min(c.left, uint64(len(rest)))])
			took, used, c.left = took+n, used+n, c.left-uint64(n)
			if c.left > 0 {
				return took, used
			}
			c.state = chunkEnd
		case chunkEnd:
			if len(rest) < 2 {
				return took, used
			}
			if rest[0] != '\r' || rest[1] != '\n' {
				c.err = fmt.Errorf("%w: a chunk is longer than it says", errChunked)
			}
			used, c.state = used+2, chunkSize
		case chunkSize, trailer:
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				return took, used
			}
			c.line(rest[:end])
			used += end + 1
		}
	}
	return took, used
}

// line takes a size or a line behind the last chunk, its LF cut off.
func (c *chunked) line(line []byte) {
	if i := bytes.IndexByte(line, '\r'); i < 0 || i != len(line)-1 {
		c.err = fmt.Errorf("%w: a line does not end in CRLF", errChunked)
		return
	}
	if line = line[:len(line)-1]; len(line) >= maxLine {
		c.err = fmt.Errorf("%w: a line is too long", errChunked)
		return
	}
	c.surplus += int64(len(line)) + 2
	switch {
	case c.state == chunkSize:
		c.size(line)
	case len(line) == 0:
		c.err = io.EOF
	}
	if c.surplus > maxSurplus {
		c.err = fmt.Errorf("%w: too much that is no data", errChunked)
	}
}

// size takes a chunk's size, whose extensions mean nothing here. Small chunks may cost more than they bring; beyond that,
// what is not data adds up.
func (c *chunked) size(line []byte) {
	digits, _, _ := bytes.Cut(bytes.TrimRight(line, " \t"), []byte(";"))
	var n uint64
	for _, b := range digits {
		switch {
		case '0' <= b && b <= '9':
			n = n<<4 | uint64(b-'0')
		case 'a' <= b|0x20 && b|0x20 <= 'f':
			n = n<<4 | uint64(b|0x20-'a'+10)
		default:
			digits = nil
		}
	}
	if len(digits) == 0 || len(digits) > 16 {
		c.err = fmt.Errorf("%w: an invalid size", errChunked)
		return
	}
	c.surplus = max(0, c.surplus-16-2*int64(min(n, maxSurplus)))
	c.left, c.state = n, chunkData
	if n == 0 {
		c.state = trailer
	}
}
