package tga

import (
	"io"

	"penstock/clip/internal/rows"
)

// A decoder reads the rows of a picture.
type decoder struct {
	header
	palette [256][3]byte // the colours of a map, or greys
	data    []byte       // what is left of the picture's data, or all of it with run lengths
	line    []byte       // a row of it, where it has run lengths
	offset  offset       // of the next row with run lengths
	offsets []offset     // of all rows, where the last is the first one to read
}

// decode reads what is before the picture's data.
func (h header) decode(data []byte) (rows.Reader, error) {
	d := &decoder{header: h}
	if len(data) < h.id {
		return nil, io.ErrUnexpectedEOF
	}
	data = data[h.id:]
	for i := range d.palette {
		d.palette[i] = [3]byte{byte(i), byte(i), byte(i)}
	}
	if h.hasMap {
		size := h.mapDepth / 8
		if len(data) < size*h.mapLength {
			return nil, io.ErrUnexpectedEOF
		}
		clear(d.palette[:]) // other indices are black
		for i := range h.mapLength {
			toRGB(d.palette[h.mapFirst+i][:], data[i*size:(i+1)*size], size)
		}
		data = data[size*h.mapLength:]
	}
	d.data = data
	switch row := h.rowBytes(); {
	case h.compressed:
		d.line = make([]byte, row)
		if h.indexed() {
			if err := d.index(); err != nil {
				return nil, err
			}
		}
	case len(data) < row*h.height:
		return nil, io.ErrUnexpectedEOF
	default:
		d.data = data[:row*h.height]
	}
	return d.read, nil
}

// read is the rows.Reader.
func (d *decoder) read(rgb []byte) error {
	line, err := d.next()
	if err != nil {
		return err
	}
	switch step := d.depth / 8; {
	case d.kind == colours:
		toRGB(rgb, line, step)
	case d.depth == 1:
		for x := range d.width {
			v := -(line[x/8] >> (7 - x%8) & 1)
			copy(rgb[3*x:], []byte{v, v, v})
		}
	default:
		for x := range d.width {
			p, c := rgb[3*x:3*x+3:3*x+3], &d.palette[line[x*step]]
			p[0], p[1], p[2] = c[0], c[1], c[2]
		}
	}
	if d.flags&flagRight != 0 {
		mirror(rgb)
	}
	return nil
}

// next returns the data of the next row from the top.
func (d *decoder) next() ([]byte, error) {
	if d.compressed {
		if last := len(d.offsets) - 1; last >= 0 {
			d.offset, d.offsets = d.offsets[last], d.offsets[:last]
		}
		return d.line, d.advance(&d.offset, d.width, d.line)
	}
	row := d.rowBytes()
	if d.flags&flagTop == 0 {
		at := len(d.data) - row
		line := d.data[at:]
		d.data = d.data[:at]
		return line, nil
	}
	line := d.data[:row]
	d.data = d.data[row:]
	return line, nil
}

// toRGB converts pixels of size bytes: five bits for each of three colours, or bytes of blue, green
// and red, and what is behind these is dropped.
func toRGB(rgb, line []byte, size int) {
	if size == 2 {
		for ; len(rgb) >= 3 && len(line) >= 2; rgb, line = rgb[3:], line[2:] {
			v := int(line[0]) | int(line[1])<<8
			rgb[0], rgb[1], rgb[2] = five(v>>10), five(v>>5), five(v)
		}
		return
	}
	for ; len(rgb) >= 3 && len(line) >= size; rgb, line = rgb[3:], line[size:] {
		rgb[0], rgb[1], rgb[2] = line[2], line[1], line[0]
	}
}

// mirror reverses a row.
func mirror(rgb []byte) {
	for i, j := 0, len(rgb)-3; i < j; i, j = i+3, j-3 {
		rgb[i], rgb[j] = rgb[j], rgb[i]
		rgb[i+1], rgb[j+1] = rgb[j+1], rgb[i+1]
		rgb[i+2], rgb[j+2] = rgb[j+2], rgb[i+2]
	}
}

// five returns five bits as a byte.
func five(v int) byte { return byte((v & 31) * 255 / 31) }
