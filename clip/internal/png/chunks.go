package png

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

var errChecksum = errors.New("the checksum of a chunk is wrong")

// chunks are what is left to read of a file, a sequence of chunks.
type chunks struct {
	rest []byte
}

// A chunk is a part of a file.
type chunk struct {
	kind, body []byte // kind has four bytes
	whole      []byte // both, and the checksum of both
}

// peek returns the next chunk without advancing.
func (c *chunks) peek() (chunk, error) {
	const head, sum = 8, 4
	if len(c.rest) < head+sum {
		return chunk{}, io.ErrUnexpectedEOF
	}
	size := int64(binary.BigEndian.Uint32(c.rest))
	if size > int64(len(c.rest)-head-sum) {
		return chunk{}, io.ErrUnexpectedEOF
	}
	return chunk{kind: c.rest[4:head], body: c.rest[head : head+size], whole: c.rest[4 : head+size+sum]}, nil
}

// skip advances past a chunk that peek returned.
func (c *chunks) skip(next chunk) { c.rest = c.rest[4+len(next.whole):] }

// next returns the next chunk.
func (c *chunks) next() (chunk, error) {
	next, err := c.peek()
	if err == nil {
		c.skip(next)
	}
	return next, err
}

func (c chunk) is(kind string) bool { return string(c.kind) == kind }

// critical reports whether a decoder has to know the chunk.
func (c chunk) critical() bool { return c.kind[0]&0x20 == 0 }

// check verifies the checksum.
func (c chunk) check() error {
	size := len(c.whole) - 4
	if crc32.ChecksumIEEE(c.whole[:size]) != binary.BigEndian.Uint32(c.whole[size:]) {
		return errChecksum
	}
	return nil
}

// end reads what follows the image data, up to the end of the picture.
func (c *chunks) end() error {
	for {
		next, err := c.next()
		if err != nil {
			return err
		}
		if next.critical() {
			if err := next.check(); err != nil {
				return err
			}
		}
		if next.is("IEND") {
			return nil
		}
	}
}

// imageData reads the bodies of the IDAT chunks that follow each other as one stream.
type imageData struct {
	chunks *chunks
	body   bytes.Reader // the present chunk's
}

func (d *imageData) Read(p []byte) (int, error) {
	for d.body.Len() == 0 {
		next, err := d.chunks.peek()
		if err != nil {
			return 0, err
		}
		if !next.is("IDAT") {
			return 0, io.EOF
		}
		if err := next.check(); err != nil {
			return 0, err
		}
		d.chunks.skip(next)
		d.body.Reset(next.body)
	}
	return d.body.Read(p)
}
