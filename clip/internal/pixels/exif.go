package pixels

import (
	"bytes"
	"encoding/binary"
)

// tagOrientation is a tag of a TIFF directory, which EXIF data is.
const tagOrientation = 0x0112

// orientation returns the orientation of EXIF data, 1 (as it is) to 8, and where that has none, of
// an XMP packet. It is 1 where it is missing or invalid.
func orientation(exif, xmp []byte) int {
	for range 2 { // some writers put its name before it twice
		exif = bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))
	}
	o := tiffNumber(exif, tagOrientation)
	if _, ok := findField(exif, tagOrientation); !ok {
		o = xmpOrientation(xmp)
	}
	if o < 1 || o > 8 {
		return 1
	}
	return o
}

// tiffNumber returns the value of a tag in the first directory: 0 if there is none, -1 if it is not
// one whole number.
func tiffNumber(tiff []byte, tag uint16) int {
	f, ok := findField(tiff, tag)
	if !ok {
		return 0
	}
	if f.count != 1 { // not even read: it may be all of the file
		return -1
	}
	if n := f.numbers(tiff); len(n) == 1 {
		return n[0]
	}
	return -1
}

// A tiffField is an entry of a TIFF directory.
type tiffField struct {
	order binary.ByteOrder
	kind  uint16
	count int64
	value []byte // four bytes: the value, or where it is
}

// findField searches the first directory.
func findField(tiff []byte, tag uint16) (tiffField, bool) {
	if len(tiff) < 8 {
		return tiffField{}, false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return tiffField{}, false
	}
	count := order.Uint16(tiff[at:])
	for entry := tiff[at+2:]; count > 0 && len(entry) >= 12; entry, count = entry[12:], count-1 {
		if order.Uint16(entry) == tag {
			return tiffField{order, order.Uint16(entry[2:]), int64(order.Uint32(entry[4:])), entry[8:12]}, true
		}
	}
	return tiffField{}, false
}

// Types of TIFF fields.
const (
	tiffByte  = 1
	tiffShort = 3
	tiffLong  = 4
)

// bytes returns the values of a field, each size bytes: nil if they are not there.
func (f tiffField) bytes(tiff []byte, size int64) []byte {
	n := f.count * size
	if n <= 4 {
		return f.value[:n]
	}
	at := int64(f.order.Uint32(f.value))
	if at+n > int64(len(tiff)) {
		return nil
	}
	return tiff[at : at+n]
}

// numbers returns a field's values if they are whole numbers.
func (f tiffField) numbers(tiff []byte) []int {
	var n []int
	switch f.kind {
	case tiffByte:
		for _, v := range f.bytes(tiff, 1) {
			n = append(n, int(v))
		}
	case tiffShort:
		for v := f.bytes(tiff, 2); len(v) > 0; v = v[2:] {
			n = append(n, int(f.order.Uint16(v)))
		}
	case tiffLong:
		for v := f.bytes(tiff, 4); len(v) > 0; v = v[4:] {
			n = append(n, int(f.order.Uint32(v)))
		}
	}
	return n
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
