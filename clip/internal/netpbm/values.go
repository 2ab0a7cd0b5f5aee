package netpbm

import (
	bytesorder "encoding/binary"
	"errors"
	"io"
	"math"

	"penstock/clip/internal/rows"
)

// rowBytes is how many bytes a row of values has, where that is certain.
func (h header) rowBytes() int {
	switch {
	case h.layout == bits:
		return (h.width + 7) / 8
	case h.layout == floats:
		return 4 * h.width
	case h.wide():
		return 2 * h.width * h.channels
	}
	return h.width * h.channels
}

// wide reports whether values have two bytes.
func (h header) wide() bool { return h.most > math.MaxUint8 }

// memory is what decoding takes: a row of samples, and the samples that values become.
func (h header) memory() int64 { return int64(h.width)*int64(h.channels) + int64(h.entries()) }

// entries is how many values the table has.
func (h header) entries() int {
	switch {
	case h.layout == plain:
		return h.most + 1
	case h.layout == binary && h.wide():
		return 1 << 16
	case h.layout == binary && h.most != math.MaxUint8:
		return 1 << 8
	}
	return 0
}

// table returns the sample that each value becomes: of greys of 16 bits, the high byte.
func (h header) table() []byte {
	out, shift := 255, 0
	if h.grey && h.wide() {
		out, shift = 65535, 8
	}
	table := make([]byte, h.entries())
	for v := range table {
		scaled := math.RoundToEven(float64(v) / float64(h.most) * float64(out))
		table[v] = byte(min(out, int(scaled)) >> shift)
	}
	return table
}

// decode returns the reader of the rows. Each reads its values as samples first.
func (h header) decode() (rows.Reader, error) {
	row := h.rowBytes()
	if h.layout != plain && h.layout != plainBits && int64(len(h.values)) < rows.Bytes(row, h.height, 1) {
		return nil, io.ErrUnexpectedEOF
	}
	table, line := h.table(), make([]byte, h.width*h.channels)
	text := &scanner{rest: h.values}
	values := h.values
	if h.layout == floats { // the last row comes first
		values = values[:row*h.height]
	}
	return func(rgb []byte) error {
		samples := line
		switch h.layout {
		case plainBits:
			if err := readBits(line, text); err != nil {
				return err
			}
		case plain:
			if err := readNumbers(line, text, table); err != nil {
				return err
			}
		case floats:
			at := len(values) - row
			readFloats(line, values[at:], h.little)
			values = values[:at]
		default:
			samples = h.readBinary(line, values[:row], table)
			values = values[row:]
		}
		h.colour(rgb, samples)
		return nil
	}, nil
}

// readBits reads plain bits: 1 is black.
func readBits(line []byte, text *scanner) error {
	for i := range line {
		bit, err := text.bit()
		if err != nil {
			return err
		}
		line[i] = bit - 1
	}
	return nil
}

func readNumbers(line []byte, text *scanner, table []byte) error {
	for i := range line {
		v, err := text.number()
		if err != nil {
			return err
		}
		if v >= len(table) {
			return errors.New("a value is larger than the maximum")
		}
		line[i] = table[v]
	}
	return nil
}

// readFloats cuts numbers down to bytes. The scale does not count, as in Pillow.
func readFloats(line, values []byte, little bool) {
	var order bytesorder.ByteOrder = bytesorder.BigEndian
	if little {
		order = bytesorder.LittleEndian
	}
	for i := range line {
		switch v := math.Float32frombits(order.Uint32(values[4*i:])); {
		case v >= 255:
			line[i] = 255
		case v > 0:
			line[i] = byte(v)
		default: // also what is no number
			line[i] = 0
		}
	}
}

// readBinary returns the samples of a row of binary values, in line where they are others.
func (h header) readBinary(line, values, table []byte) []byte {
	switch {
	case h.layout == bits:
		for i := range line {
			line[i] = values[i/8]>>(7-i%8)&1 - 1
		}
	case h.wide():
		for i := range line {
			line[i] = table[bytesorder.BigEndian.Uint16(values[2*i:])]
		}
	case len(table) > 0:
		for i := range line {
			line[i] = table[values[i]]
		}
	default:
		return values
	}
	return line
}

// colour makes RGB of samples.
func (h header) colour(rgb, samples []byte) {
	switch h.channels {
	case 1:
		for i, v := range samples {
			p := rgb[3*i : 3*i+3 : 3*i+3]
			p[0], p[1], p[2] = v, v, v
		}
	case 3:
		copy(rgb, samples)
	case 4:
		for ; len(samples) >= 4; samples, rgb = samples[4:], rgb[3:] {
			copy(rgb[:3], samples)
			if h.magic != "PyRGBA" {
				ink(rgb[:3], samples[3])
			}
		}
	}
}

// ink converts inks to colours, as cmyk2rgb in Pillow's Convert.c does.
func ink(inks []byte, black byte) {
	white := 255 - int(black)
	for i, v := range inks {
		product := int(v)*white + 128
		inks[i] = byte(white - (product>>8+product)>>8)
	}
}
