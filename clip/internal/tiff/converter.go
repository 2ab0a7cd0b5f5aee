package tiff

import "math"

// A converter makes RGB of rows of pixels, as Pillow's convert("RGB") does.
type converter struct {
	memory int64
	begin  func() func(row, rgb []byte) // makes the tables, if it needs any
}

func newConverter(l *layout) (converter, error) {
	simple := func(f func(row, rgb []byte)) (converter, error) {
		return converter{begin: func() func(row, rgb []byte) { return f }}, nil
	}
	if l.format != formatUnsigned && l.photometric > blackIsZero {
		return converter{}, unsupported("colours of signed samples or floating point")
	}
	switch {
	case l.photometric <= blackIsZero || l.photometric == asPalette:
		if l.bits <= 8 {
			return l.indexed()
		}
		if l.photometric == asPalette {
			return converter{}, unsupported("a palette of %d bits", l.bits)
		}
		return l.deepGrey(simple)
	case l.bits != 8 && l.bits != 16:
		return converter{}, unsupported("colours of %d bits", l.bits)
	case l.photometric == asRGB, l.photometric == asYCbCr && l.compression == compressionJPEG:
		return simple(l.colours)
	case l.photometric == asInks:
		return simple(l.inks)
	case l.bits != 8:
		return converter{}, unsupported("colours of %d bits", l.bits)
	case l.photometric == asYCbCr && l.compression == compressionNone && l.halfX*l.halfY == 1:
		return converter{memory: 4 * 4 * 256, begin: l.pillowYCbCr}, nil
	case l.photometric == asYCbCr:
		return l.libtiffYCbCr()
	}
	return converter{memory: labMemory, begin: l.lab}, nil
}

// indexed is for samples of up to 8 bits, of which each is a grey or a colour of a palette.
func (l *layout) indexed() (converter, error) {
	if l.format == formatFloat || l.format != formatUnsigned && (l.bits != 8 || l.photometric != blackIsZero) {
		return converter{}, unsupported("signed samples of %d bits", l.bits)
	}
	var table [256][3]byte
	n := 1 << l.bits
	if palette := l.fields[tagColourMap]; l.photometric == asPalette {
		if palette.kind != kindShort || palette.count%3 != 0 || palette.count == 0 {
			return converter{}, broken("it has no palette")
		}
		n = palette.count / 3
		for i := range min(n, 1<<l.bits) {
			table[i] = [3]byte{byte(palette.at(i) >> 8), byte(palette.at(n+i) >> 8), byte(palette.at(2*n+i) >> 8)}
		}
	} else {
		for i := range n {
			v := byte(i * 255 / (n - 1))
			if l.photometric == whiteIsZero {
				v = ^v
			}
			table[i] = [3]byte{v, v, v}
		}
	}
	perByte, mask := 8/l.bits, byte(1<<l.bits-1)
	divide := l.photometric != asPalette && l.extra == extraAssociated && l.samples > 1
	return converter{begin: func() func(row, rgb []byte) {
		return func(row, rgb []byte) {
			for x := range l.width {
				var v byte
				if l.bits == 8 {
					v = row[x*l.samples]
					if divide {
						v = divided(v, row[x*l.samples+1])
					}
				} else {
					v = row[x/perByte] >> (8 - l.bits - x%perByte*l.bits) & mask
				}
				copy(rgb[3*x:3*x+3], table[v][:])
			}
		}
	}}, nil
}

// divided undoes the multiplication by alpha of a grey as Pillow does.
func divided(v, alpha byte) byte {
	if alpha == 0 {
		return v
	}
	return byte(min(255, 255*int(v)/int(alpha)))
}

// deepGrey is for grey of more than 8 bits. Of 12 and 16 bits the highest ones are used; signed and
// wider samples have no natural range, so that Pillow clips them to 0..255.
func (l *layout) deepGrey(simple func(func(row, rgb []byte)) (converter, error)) (converter, error) {
	var sample func(row []byte, x int) byte
	size := l.bits / 8 * l.samples
	switch {
	case l.bits == 12 && l.format == formatUnsigned:
		sample = func(row []byte, x int) byte {
			if x%2 == 0 {
				return row[x/2*3]
			}
			return row[x/2*3+1]<<4 | row[x/2*3+2]>>4
		}
	case l.bits == 16 && l.format == formatUnsigned:
		sample = func(row []byte, x int) byte { return byte(l.order.Uint16(row[x*size:]) >> 8) }
	case l.bits == 16 && l.format == formatSigned:
		sample = func(row []byte, x int) byte { return clamp(int(int16(l.order.Uint16(row[x*size:])))) }
	case l.bits == 32 && l.format != formatFloat:
		sample = func(row []byte, x int) byte { return clamp(int(int32(l.order.Uint32(row[x*size:])))) }
	case l.bits == 32:
		sample = func(row []byte, x int) byte {
			v := math.Float32frombits(l.order.Uint32(row[x*size:]))
			if v >= 255 {
				return 255
			} else if v > 0 {
				return byte(v)
			}
			return 0
		}
	default:
		return converter{}, unsupported("grey of %d bits in format %d", l.bits, l.format)
	}
	var invert byte
	if l.photometric == whiteIsZero && l.format == formatUnsigned {
		invert = 255
	}
	return simple(func(row, rgb []byte) {
		for x := range l.width {
			v := sample(row, x) ^ invert
			rgb[3*x], rgb[3*x+1], rgb[3*x+2] = v, v, v
		}
	})
}

func clamp(v int) byte { return byte(min(255, max(0, v))) }

// high returns where the high byte of a sample is, and how many bytes a sample has.
func (l *layout) high() (at, size int) {
	if l.bits == 16 && l.order.String() == "LittleEndian" {
		return 1, 2
	}
	return 0, l.bits / 8
}

// colours is RGB. Colours that have been multiplied by alpha are divided by it as Pillow does: of
// 16-bit samples with their high bytes, and what would be more than white is white.
func (l *layout) colours(row, rgb []byte) {
	at, size := l.high()
	step := size * l.samples
	divide := l.extra == extraAssociated && l.samples > 3
	for x := range l.width {
		p, out := row[x*step+at:], rgb[3*x:3*x+3:3*x+3]
		out[0], out[1], out[2] = p[0], p[size], p[2*size]
		if divide {
			alpha := uint(p[3*size])
			for i, v := range out {
				if alpha == 0 {
					out[i] = 0
				} else {
					out[i] = byte(min(255, uint(v)*255/alpha))
				}
			}
		}
	}
}

// inks is CMYK.
func (l *layout) inks(row, rgb []byte) {
	at, size := l.high()
	step := size * l.samples
	for x := range l.width {
		p, out := row[x*step+at:], rgb[3*x:3*x+3:3*x+3]
		white := 255 - int(p[3*size])
		for i := range out {
			ink := int(p[i*size])*white + 128
			out[i] = clamp(white - (ink>>8+ink)>>8)
		}
	}
}
