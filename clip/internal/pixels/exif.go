package pixels

import (
	"bytes"
	"encoding/binary"
)

// Tags of a TIFF directory, which EXIF data is.
const (
	tagCompression = 0x0103
	tagPhotometric = 0x0106
	tagOrientation = 0x0112
	tagStripRows   = 0x0116
	tagPlanes      = 0x011c
	tagTileWidth   = 0x0142
	tagTileLength  = 0x0143
)

// orientation reads an EXIF orientation: 1 (as it is) to 8. It is 1 where it is missing or invalid.
func orientation(exif []byte) int {
	if o := tiffNumber(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")), tagOrientation); o >= 1 && o <= 8 {
		return o
	}
	return 1
}

// tiffNumber returns the value of a tag in the first directory: 0 if there is none, -1 if it is not
// one whole number.
func tiffNumber(tiff []byte, tag uint16) int {
	if len(tiff) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 0
	}
	count := order.Uint16(tiff[at:])
	for entry := tiff[at+2:]; count > 0 && len(entry) >= 12; entry, count = entry[12:], count-1 {
		const oneByte, oneShort, oneLong = 1<<32 | 1, 3<<32 | 1, 4<<32 | 1
		if order.Uint16(entry) != tag {
			continue
		}
		switch uint64(order.Uint16(entry[2:]))<<32 | uint64(order.Uint32(entry[4:])) {
		case oneByte:
			return int(entry[8])
		case oneShort:
			return int(order.Uint16(entry[8:]))
		case oneLong:
			return int(order.Uint32(entry[8:]))
		}
		return -1
	}
	return 0
}

// upright applies an EXIF orientation to r by writing it into memory of its own. Of r and the
// result, only the result has to be closed.
func (r raster) upright(orientation int) raster {
	if orientation == 1 {
		return r
	}
	defer r.close()
	width, height := r.width, r.height
	oriented := raster{width: width, height: height}
	if orientation >= 5 {
		oriented.width, oriented.height = height, width
	}
	buffer := buffers.Get().(*[]byte)
	*buffer = grown(*buffer, 3*width*height)
	pix := *buffer

	line := make([]byte, 3*width)
	for y := range height {
		r.row(y, line)
		// The position of the row's first pixel, and the distance from there to the next one's.
		at, step := 0, 0
		switch orientation {
		case 2: // mirrored
			at, step = y*width+width-1, -1
		case 3: // upside down
			at, step = (height-y)*width-1, -1
		case 4: // mirrored, upside down
			at, step = (height-1-y)*width, 1
		case 5: // mirrored along the diagonal
			at, step = y, height
		case 6: // rotate it clockwise
			at, step = height-1-y, height
		case 7: // mirrored along the other diagonal
			at, step = width*height-1-y, -height
		case 8: // rotate it counter-clockwise
			at, step = (width-1)*height+y, -height
		}
		for i := 0; i+2 < len(line); i, at = i+3, at+step {
			p := pix[3*at : 3*at+3 : 3*at+3]
			p[0], p[1], p[2] = line[i], line[i+1], line[i+2]
		}
	}
	oriented.row = func(y int, rgb []byte) { copy(rgb, pix[3*y*oriented.width:]) }
	oriented.done = func() { buffers.Put(buffer) }
	return oriented
}
