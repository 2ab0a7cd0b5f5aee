package qoi

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"penstock/clip/internal/rows"
)

const headerSize = 14

var errHeader = errors.New("qoi: bad header")

// Open reads the header of a QOI file.
func Open(data []byte) (rows.Picture, error) {
	if len(data) < headerSize {
		return rows.Picture{}, io.ErrUnexpectedEOF
	}
	width, height := binary.BigEndian.Uint32(data[4:]), binary.BigEndian.Uint32(data[8:])
	const longest = 1<<31 - 1
	if string(data[:4]) != "qoif" || width > longest || height > longest {
		return rows.Picture{}, errHeader
	}
	return rows.Picture{Width: int(width), Height: int(height), Decode: func(context.Context) (rows.Reader, error) {
		d := &decoder{data: data[headerSize:], pixel: pixel{3: 255}}
		return d.row, nil
	}}, nil
}

type pixel [4]byte // red, green, blue, alpha

type decoder struct {
	data  []byte    // not yet decoded
	pixel pixel     // the last one
	run   int       // how often it is still to be repeated
	seen  [64]pixel // the last one of each hash
}

func (d *decoder) row(rgb []byte) error {
	for ; len(rgb) >= 3; rgb = rgb[3:] {
		if d.run > 0 {
			d.run--
		} else if err := d.next(); err != nil {
			return err
		}
		copy(rgb, d.pixel[:3])
	}
	return nil
}

// next decodes the next operation, up to its first pixel. Runs are not among the pixels seen, as in
// Pillow: this matters for the pixel that is there before the first one only.
func (d *decoder) next() error {
	if len(d.data) == 0 {
		return io.ErrUnexpectedEOF
	}
	op := d.data[0]
	size := 1
	switch {
	case op == 0xfe:
		size = 4
	case op == 0xff:
		size = 5
	case op>>6 == 2:
		size = 2
	}
	if len(d.data) < size {
		return io.ErrUnexpectedEOF
	}
	rest := d.data[1:size]
	d.data = d.data[size:]
	switch p := &d.pixel; {
	case op >= 0xfe:
		copy(p[:], rest)
	case op>>6 == 0:
		*p = d.seen[op]
	case op>>6 == 1:
		p[0] += op>>4&3 - 2
		p[1] += op>>2&3 - 2
		p[2] += op&3 - 2
	case op>>6 == 2:
		green := op&63 - 32
		p[0] += green + rest[0]>>4 - 8
		p[1] += green
		p[2] += green + rest[0]&15 - 8
	default:
		d.run = int(op & 63)
		return nil
	}
	p := d.pixel
	d.seen[(p[0]*3+p[1]*5+p[2]*7+p[3]*11)%64] = p
	return nil
}
