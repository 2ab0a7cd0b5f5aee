package pixels

import (
	"encoding/binary"

	"penstock/clip/internal/bmp"
)

// isBMP detects bitmaps with a file header, and those that are not in a file of their own (DIB) and
// begin with their own header.
func isBMP(head []byte) bool {
	if starts("BM")(head) {
		return binary.LittleEndian.Uint32(head[14:]) < 256
	}
	bits := head[14:]
	switch binary.LittleEndian.Uint32(head) {
	default:
		return false
	case 12:
		bits = head[10:]
	case 40, 52, 56, 64, 108, 124:
	}
	switch binary.LittleEndian.Uint16(bits) {
	case 1, 4, 8, 16, 24, 32:
		return true
	}
	return false
}

func isIcon(head []byte) bool { return isDirectory(head, 1) }

func isCursor(head []byte) bool { return isDirectory(head, 2) }

// isDirectory detects icons and cursors. One of no pictures is none: Targa files begin like that.
func isDirectory(head []byte, kind uint16) bool {
	return binary.LittleEndian.Uint16(head) == 0 && binary.LittleEndian.Uint16(head[2:]) == kind && binary.LittleEndian.Uint16(head[4:]) > 0
}

// openIcon opens the picture of an icon that Pillow shows. An orientation in it is not applied.
func openIcon(data []byte) (picture, error) {
	p, png, err := bmp.OpenIcon(data)
	if err != nil || png == nil {
		return picture{Picture: p, orientation: 1}, err
	}
	pic, err := openPNG(png)
	pic.orientation = 1
	return pic, err
}
