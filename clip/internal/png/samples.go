package png

// unpack makes stored bytes of a row of samples: of greys and indices one byte for each pixel, of
// colours three. Alpha is dropped, and of 16-bit samples the low byte.
func (d *decoder) unpack(pixels, row []byte) {
	switch size := int(d.depth) / 8; {
	case d.stored() == 3:
		unpackColours(pixels, row, size, d.pixelBits()/8)
	case size == 0:
		unpackBits(pixels, row, d.depth)
	case d.pixelBits() == 8:
		copy(pixels, row)
	default:
		step := d.pixelBits() / 8
		for i := range pixels {
			pixels[i] = row[i*step]
		}
	}
}

// unpackColours copies the high bytes of three samples of size bytes from every step bytes.
func unpackColours(pixels, row []byte, size, step int) {
	switch step {
	case 3:
		copy(pixels, row)
	case 4:
		for ; len(pixels) >= 3 && len(row) >= 4; pixels, row = pixels[3:], row[4:] {
			pixels[0], pixels[1], pixels[2] = row[0], row[1], row[2]
		}
	default:
		for ; len(pixels) >= 3; pixels, row = pixels[3:], row[step:] {
			pixels[0], pixels[1], pixels[2] = row[0], row[size], row[2*size]
		}
	}
}

// unpackBits unpacks samples of less than a byte, the first in the high bits.
func unpackBits(pixels, row []byte, depth byte) {
	each := 8 / int(depth)
	for ; len(pixels) >= each; pixels, row = pixels[each:], row[1:] {
		v := row[0]
		for i := range pixels[:each] {
			pixels[i] = v >> (8 - depth)
			v <<= depth
		}
	}
	if len(pixels) > 0 {
		v := row[0]
		for i := range pixels {
			pixels[i] = v >> (8 - depth)
			v <<= depth
		}
	}
}

// colourise makes RGB of stored bytes, one for each pixel.
func (d *decoder) colourise(rgb, pixels []byte) {
	for _, v := range pixels {
		c := &d.palette[v]
		p := rgb[:3:3]
		p[0], p[1], p[2] = c[0], c[1], c[2]
		rgb = rgb[3:]
	}
}
