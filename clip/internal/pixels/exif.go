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
