package bmp

import "encoding/binary"

// An unpack makes RGB of a line of pixels as they are stored. Alpha is dropped.
type unpack func(rgb, line []byte)

// unpacker returns the unpack of colours, nil if Pillow has none; the masks are of red, green, blue
// and alpha.
func unpacker(bits int, compression uint32, masks [4]uint32) unpack {
	rgb, masked := [3]uint32(masks[:]), compression == bitFields
	switch {
	case compression != raw && !masked:
		return nil
	case bits == 16 && (!masked || rgb == [3]uint32{0x7c00, 0x3e0, 0x1f}):
		return fields555
	case bits == 16 && rgb == [3]uint32{0xf800, 0x7e0, 0x1f}:
		return fields565
	case bits == 24 && (!masked || rgb == [3]uint32{0xff0000, 0xff00, 0xff}):
		return samples(3, 2, 1, 0)
	case bits != 32:
		return nil
	}
	switch masks {
	case [4]uint32{}, [4]uint32{0xff0000, 0xff00, 0xff}, [4]uint32{0xff0000, 0xff00, 0xff, 0xff000000}:
		return samples(4, 2, 1, 0)
	case [4]uint32{0xff000000, 0xff0000, 0xff00}, [4]uint32{0xff000000, 0xff0000, 0xff00, 0xff}:
		return samples(4, 3, 2, 1)
	case [4]uint32{0xff000000, 0xff00, 0xff}, [4]uint32{0xff000000, 0xff00, 0xff, 0xff0000}:
		return samples(4, 3, 1, 0)
	case [4]uint32{0xff, 0xff00, 0xff0000, 0xff000000}:
		return samples(4, 0, 1, 2)
	}
	return nil
}

// indices unpacks indices of 1, 4 or 8 bits, the first one in the high bits.
func indices(bits int, colours *[256][3]byte) unpack {
	if bits == 8 {
		return func(rgb, line []byte) {
			for i, v := range line[:len(rgb)/3] {
				p, c := rgb[3*i:3*i+3:3*i+3], &colours[v]
				p[0], p[1], p[2] = c[0], c[1], c[2]
			}
		}
	}
	perByte, mask := 8/bits, byte(1<<bits-1)
	return func(rgb, line []byte) {
		for x := range len(rgb) / 3 {
			c := &colours[line[x/perByte]>>(8-bits-x%perByte*bits)&mask]
			rgb[3*x], rgb[3*x+1], rgb[3*x+2] = c[0], c[1], c[2]
		}
	}
}

// samples unpacks pixels of size bytes; red, green and blue are where these are.
func samples(size, red, green, blue int) unpack {
	return func(rgb, line []byte) {
		for i, at := 0, 0; i+2 < len(rgb); i, at = i+3, at+size {
			rgb[i], rgb[i+1], rgb[i+2] = line[at+red], line[at+green], line[at+blue]
		}
	}
}

func fields555(rgb, line []byte) {
	for i := 0; i+2 < len(rgb); i, line = i+3, line[2:] {
		v := uint(binary.LittleEndian.Uint16(line))
		rgb[i], rgb[i+1], rgb[i+2] = byte(v>>10&31*255/31), byte(v>>5&31*255/31), byte(v&31*255/31)
	}
}

func fields565(rgb, line []byte) {
	for i := 0; i+2 < len(rgb); i, line = i+3, line[2:] {
		v := uint(binary.LittleEndian.Uint16(line))
		rgb[i], rgb[i+1], rgb[i+2] = byte(v>>11*255/31), byte(v>>5&63*255/63), byte(v&31*255/31)
	}
}
