package bmp

import "io"

// kind is what a run of pixels consists of.
type kind uint8

const (
	zeros kind = iota
	repeated
	alternating // two pixels of 4 bits in turn
	literal8
	literal4
)

// A run is a decoder's state between two pixels of run-length encoded ones. It does what Pillow's
// decoder does: a run may go on in the next row, where only the end of a line is bounded by x.
type run struct {
	at    int    // of the next byte in the file
	left  int64  // pixels of the present run
	x     uint32 // what Pillow takes for the column, at most the width
	kind  kind
	value byte // a repeated pixel, or two alternating ones
	odd   bool // the next pixel is the second of two
}

// runSize is how many bytes a run takes.
const runSize = 24

// scan decodes the whole bitmap once and keeps the state before each of its rows.
func (b *bitmap) scan() error {
	b.runs, b.line = make([]run, b.height), make([]byte, b.width)
	r := run{at: b.start}
	for i := range b.runs {
		b.runs[i] = r
		if err := r.fill(b.line, b.data, b.compression == rle4); err != nil {
			return err
		}
	}
	return nil
}

// fill decodes a row of indices.
func (r *run) fill(line, data []byte, fourBits bool) error {
	for column := 0; column < len(line); {
		if r.left == 0 {
			ended, err := r.next(data, column, len(line), fourBits)
			if err != nil {
				return err
			}
			if ended {
				return io.ErrUnexpectedEOF // pixels are missing
			}
			continue
		}
		n := int(min(r.left, int64(len(line)-column)))
		if err := r.take(line[column:column+n], data); err != nil {
			return err
		}
		column += n
	}
	return nil
}

// next reads what comes after a run. It reports whether this is the end of the bitmap.
func (r *run) next(data []byte, column, width int, fourBits bool) (ended bool, err error) {
	if len(data)-r.at < 2 {
		return false, io.ErrUnexpectedEOF
	}
	count, value := data[r.at], data[r.at+1]
	r.at += 2
	r.odd = false
	switch {
	case count > 0:
		r.kind, r.value = repeated, value
		if fourBits {
			r.kind = alternating
		}
		r.left = min(int64(count), int64(width)-int64(r.x))
		r.x += uint32(r.left)
	case value == 0: // the end of a row: nothing at the row's start
		r.kind, r.x = zeros, 0
		if column > 0 {
			r.left = int64(width - column)
		}
	case value == 1:
		return true, nil
	case value == 2:
		if len(data)-r.at < 2 {
			return false, io.ErrUnexpectedEOF
		}
		right, up := int64(data[r.at]), int64(data[r.at+1])
		r.at += 2
		r.kind, r.left = zeros, right+up*int64(width)
		r.x = uint32((int64(column) + right) % int64(width))
	default:
		r.kind, r.left = literal8, int64(value)
		if fourBits {
			r.kind = literal4
		}
		r.x = uint32(min(int64(width), int64(r.x)+r.left))
	}
	return false, nil
}

// take decodes the next pixels of a run.
func (r *run) take(line, data []byte) error {
	switch r.kind {
	case zeros:
		clear(line)
	case repeated:
		for i := range line {
			line[i] = r.value
		}
	case alternating:
		for i := range line {
			line[i] = r.nibble(r.value)
		}
	case literal8:
		n := copy(line, data[min(r.at, len(data)):])
		if r.at += n; n < len(line) {
			return io.ErrUnexpectedEOF
		}
	case literal4:
		for i := range line {
			if r.at >= len(data) {
				return io.ErrUnexpectedEOF
			}
			if line[i] = r.nibble(data[r.at]); !r.odd {
				r.at++
			}
		}
	}
	if r.left -= int64(len(line)); r.left == 0 && (r.kind == literal8 || r.kind == literal4) {
		if r.odd {
			r.at++
		}
		r.at += r.at % 2 // as Pillow, from the start of the file
	}
	return nil
}

// nibble returns the high half of a byte and the low half in turn.
func (r *run) nibble(value byte) byte {
	r.odd = !r.odd
	if r.odd {
		return value >> 4
	}
	return value & 15
}
