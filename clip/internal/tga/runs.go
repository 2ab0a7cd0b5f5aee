package tga

import "io"

// An offset is a position between two pixels of data with run lengths.
type offset struct {
	at   int   // of the next packet, or in the present one
	left uint8 // pixels left in the present packet
	run  bool  // they are all the pixel at at
}

// offsetSize is the memory of an offset.
const offsetSize = 16

// index finds where each row begins.
func (d *decoder) index() error {
	d.offsets = make([]offset, d.height)
	var at offset
	for i := range d.offsets {
		d.offsets[i] = at
		if err := d.advance(&at, d.width, nil); err != nil {
			return err
		}
	}
	return nil
}

// advance moves o by some pixels, and copies them to line unless that is nil.
func (d *decoder) advance(o *offset, pixels int, line []byte) error {
	size := d.depth / 8
	for pixels > 0 {
		if o.left == 0 {
			if o.at >= len(d.data) {
				return io.ErrUnexpectedEOF
			}
			packet := d.data[o.at]
			o.at, o.left, o.run = o.at+1, packet&0x7f+1, packet&0x80 != 0
			need := size
			if !o.run {
				need *= int(o.left)
			}
			if need > len(d.data)-o.at {
				return io.ErrUnexpectedEOF
			}
		}
		n := min(int(o.left), pixels)
		pixels -= n
		o.left -= uint8(n)
		if line != nil {
			o.copyTo(line[:n*size], d.data[o.at:], size)
			line = line[n*size:]
		}
		switch {
		case !o.run:
			o.at += n * size
		case o.left == 0:
			o.at += size
		}
	}
	return nil
}

// copyTo fills line with pixels of the present packet.
func (o *offset) copyTo(line, pixels []byte, size int) {
	if !o.run {
		copy(line, pixels)
		return
	}
	for n := copy(line, pixels[:size]); n < len(line); {
		n += copy(line[n:], line[:n])
	}
}
