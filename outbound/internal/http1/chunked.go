package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	maxLine    = 4 << 10  // bytes of the line with a chunk's size and extensions
	maxSurplus = 16 << 10 // bytes of a body that are neither data nor the sizes of its chunks
)

var errChunked = errors.New("malformed chunked encoding")

// chunked reads a chunked body (RFC 9112, 7.1), as strictly as net/http does. It decodes what the
// connection has buffered in place: servers send each token as a chunk, and a burst of them costs
// one call here.
type chunked struct {
	from    *bufio.Reader
	state   chunkedState
	left    uint64 // bytes of the current chunk
	surplus int64
	err     error
}

// chunkedState is what is read next.
type chunkedState int

const (
	chunkSize chunkedState = iota
	chunkData
	chunkEnd // the line end after the data
	trailer  // lines after the last chunk, up to an empty one
)

// Read implements io.Reader. It waits only until some data has arrived.
func (c *chunked) Read(p []byte) (n int, err error) {
	for n < len(p) && c.err == nil {
		ready, _ := c.from.Peek(c.from.Buffered()) // without waiting
		took, used := c.decode(p[n:], ready)
		n += took
		_, _ = c.from.Discard(used) // no more than is buffered
		if n > 0 || c.err != nil {
			break
		}
		if n < len(p) {
			c.wait(c.from.Buffered() + 1)
		}
	}
	if n > 0 && c.err != io.EOF { //nolint:errorlint // our own
		return n, nil // an error is returned by the next call
	}
	return n, c.err
}

// wait waits until that many bytes are buffered.
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

// decode copies the data in ready into p, and returns how many bytes of both it used.
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
				c.err = fmt.Errorf("%w: a chunk is longer than its size", errChunked)
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

// line reads the line of a size, or one after the last chunk, without its LF.
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
		c.err = fmt.Errorf("%w: too many bytes that are not data", errChunked)
	}
}

// size reads the size of a chunk, and ignores its extensions. A small chunk may have more overhead
// than data; what exceeds that adds up.
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
