package bmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"penstock/clip/internal/rows"
)

// fileHeader is the size of what comes before a BMP's bitmap, and pixelsField where in it the
// pixels' offset is.
const (
	fileHeader  = 14
	pixelsField = 10
)

// What compression fields mean.
const (
	raw       = 0
	rle8      = 1
	rle4      = 2
	bitFields = 3
)

// A bitmap is what a bitmap's header describes.
type bitmap struct {
	data          []byte // the whole file
	width, height int
	bits          int
	topDown       bool
	compression   uint32
	start         int  // of the pixels in data; it may be beyond its end
	maskable      bool // bilevels or greys in Pillow, which reads a cursor's mask as a part of them
	unpack        unpack
	runs          []run  // of run-length encoded rows, the state before each in the file's order
	line          []byte // a row of indices of these
}

// A header holds the fields of a bitmap's header that matter.
type header struct {
	size, compression, used uint32
	bits                    uint16
	entry                   int // bytes of a palette's entry
	fields                  []byte
}

// readBitmap reads the header that begins at offset at. Pixels begin at offset start; at 0, they
// follow the header and the palette.
func readBitmap(data []byte, at, start int) (*bitmap, error) {
	if at > len(data)-4 {
		return nil, io.ErrUnexpectedEOF
	}
	h := header{size: binary.LittleEndian.Uint32(data[at:]), entry: 4}
	if !knownSize(h.size) {
		return nil, rows.UnsupportedError(fmt.Sprintf("a header of %d bytes", h.size))
	}
	if int(h.size) > len(data)-at {
		return nil, io.ErrUnexpectedEOF
	}
	h.fields = data[at+4 : at+int(h.size)]
	at += int(h.size)
	b := &bitmap{data: data}
	if err := b.readSize(&h); err != nil {
		return nil, err
	}
	b.bits, b.compression = int(h.bits), h.compression
	if h.compression > bitFields {
		return nil, rows.UnsupportedError(fmt.Sprintf("compression %d", h.compression))
	}
	masks, at, err := h.masks(data, at)
	if err != nil {
		return nil, err
	}
	if b.bits == 1 || b.bits == 4 || b.bits == 8 {
		if h.compression == bitFields {
			return nil, rows.UnsupportedError("bit fields of indices")
		}
		if start == fileHeader+int(h.size) { // where in fact the palette is
			start += h.entry * int(h.colours())
		}
		if at, err = b.readPalette(&h, at); err != nil {
			return nil, err
		}
	} else if b.unpack = unpacker(b.bits, h.compression, masks); b.unpack == nil {
		return nil, rows.UnsupportedError(fmt.Sprintf("%d bits of the masks %x in compression %d", b.bits, masks, h.compression))
	}
	if b.start = start; start == 0 {
		b.start = at
	}
	return b, nil
}

func knownSize(size uint32) bool {
	switch size {
	case 12, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}

// readSize reads the fields that headers of 12 bytes and others have in different places.
func (b *bitmap) readSize(h *header) error {
	f := h.fields
	if h.size == 12 {
		b.width, b.height = int(binary.LittleEndian.Uint16(f)), int(binary.LittleEndian.Uint16(f[2:]))
		h.bits, h.entry = binary.LittleEndian.Uint16(f[6:]), 3
		return nil
	}
	width, height := binary.LittleEndian.Uint32(f), binary.LittleEndian.Uint32(f[4:])
	if b.topDown = f[7] == 0xff; b.topDown {
		height = -height
	}
	if width > math.MaxInt32 || height > math.MaxInt32 {
		return errors.New("a side is negative")
	}
	b.width, b.height = int(width), int(height)
	h.bits = binary.LittleEndian.Uint16(f[10:])
	h.compression, h.used = binary.LittleEndian.Uint32(f[12:]), binary.LittleEndian.Uint32(f[28:])
	return nil
}

// colours is how many entries the palette has.
func (h *header) colours() uint32 {
	if h.used == 0 {
		return 1 << h.bits
	}
	return h.used
}

// masks returns the masks of the samples in their order red, green, blue, alpha, and where the
// palette begins. In headers of 40 bytes they come after the header and have no alpha.
func (h *header) masks(data []byte, at int) ([4]uint32, int, error) {
	if h.compression != bitFields {
		return [4]uint32{}, at, nil
	}
	m, n := h.fields[min(36, len(h.fields)):], 4
	switch h.size {
	case 40:
		if at > len(data)-12 {
			return [4]uint32{}, 0, io.ErrUnexpectedEOF
		}
		m, n, at = data[at:], 3, at+12
	case 52:
		n = 3
	}
	var masks [4]uint32
	for i := range n {
		masks[i] = binary.LittleEndian.Uint32(m[4*i:])
	}
	return masks, at, nil
}

// readPalette reads the palette at offset at and returns where it ends.
func (b *bitmap) readPalette(h *header, at int) (end int, err error) {
	const most = 1 << 16
	n := h.colours()
	if n > most {
		return 0, rows.UnsupportedError(fmt.Sprintf("a palette of %d colours", n))
	}
	end = min(len(b.data), at+h.entry*int(n))
	entries := b.data[at:end]
	colours := new([256][3]byte)
	switch ramp := isRamp(entries, h.entry, int(n)); {
	case ramp && n > 2:
		for i := range colours {
			colours[i] = [3]byte{byte(i), byte(i), byte(i)}
		}
		b.maskable = b.bits == 8
	case ramp && b.bits == 1:
		colours[1] = [3]byte{255, 255, 255} // even if the palette has one colour only
		b.maskable = true
	case len(entries)/h.entry > len(colours):
		return 0, rows.UnsupportedError(fmt.Sprintf("a palette of %d colours", n))
	default:
		for i := range len(entries) / h.entry {
			e := entries[i*h.entry:]
			colours[i] = [3]byte{e[2], e[1], e[0]}
		}
	}
	b.unpack = indices(b.bits, colours)
	if b.encoded() {
		b.unpack = indices(8, colours)
	}
	return end, nil
}

// isRamp reports whether a palette of n colours is one of greys in their order, or of black and
// white.
func isRamp(entries []byte, size, n int) bool {
	for i := range n {
		value := byte(i)
		if n == 2 {
			value = byte(255 * i)
		}
		if i*size+3 > len(entries) || entries[i*size] != value || entries[i*size+1] != value || entries[i*size+2] != value {
			return false
		}
	}
	return true
}
