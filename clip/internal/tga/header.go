package tga

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"penstock/clip/internal/rows"
)

// Kinds of pictures, in the low bits of a header's type.
const (
	mapped    = 1
	colours   = 2
	greys     = 3
	runLength = 8 // added to these
)

const headerSize = 18

// A header is the content of the first 18 bytes.
type header struct {
	id         int // bytes to skip
	hasMap     bool
	kind       byte // without runLength
	compressed bool

	mapFirst, mapLength, mapDepth int

	width, height, depth int
	flags                byte
}

// What flags are.
const (
	flagRight   = 0x10 // rows are from right to left
	flagTop     = 0x20 // the first row is the top one
	flagUnused  = 0xc0
	flagsOfBits = 0x0f // how many bits of a pixel are alpha or something else
)

// parseHeader reads a header. The second result is false if that is none of a Targa.
func parseHeader(data []byte) (header, bool) {
	short := func(at int) int { return int(binary.LittleEndian.Uint16(data[at:])) }
	h := header{
		id: int(data[0]), hasMap: data[1] == 1, kind: data[2] &^ runLength, compressed: data[2]&runLength != 0,
		mapFirst: short(3), mapLength: short(5), mapDepth: int(data[7]),
		width: short(12), height: short(14), depth: int(data[16]), flags: data[17],
	}
	if data[1] > 1 || h.width == 0 || h.height == 0 {
		return h, false
	}
	if h.hasMap && (h.mapFirst+h.mapLength > 256 || h.mapDepth != 16 && h.mapDepth != 24 && h.mapDepth != 32) {
		return h, false
	}
	switch h.kind {
	case mapped:
		return h, h.hasMap && h.depth == 8
	case colours:
		return h, h.depth == 16 || h.depth == 24 || h.depth == 32
	case greys:
		return h, h.depth == 8 || h.depth == 16 || h.depth == 1 && !h.compressed && !h.hasMap
	}
	return h, false
}

// Is reports whether a file that begins with head is a Targa. Of fields that decide nothing it
// wants the values that are usual.
func Is(head []byte) bool {
	if len(head) < headerSize {
		return false
	}
	h, ok := parseHeader(head)
	if !ok || h.flags&flagUnused != 0 {
		return false
	}
	if alpha := h.flags & flagsOfBits; alpha != 0 && alpha != 1 && alpha != 8 {
		return false
	}
	if h.hasMap {
		return h.mapLength > 0
	}
	switch h.mapDepth {
	case 0, 15, 16, 24, 32:
		return h.mapFirst == 0 && h.mapLength == 0
	}
	return false
}

// Open reads a picture's header.
func Open(data []byte) (rows.Picture, error) {
	if len(data) < headerSize {
		return rows.Picture{}, io.ErrUnexpectedEOF
	}
	h, ok := parseHeader(data)
	if !ok {
		return rows.Picture{}, errors.New("its header is none of a Targa")
	}
	const palette = 3 * 256
	memory := int64(h.rowBytes()) + palette
	if h.indexed() {
		memory += int64(h.height) * offsetSize
	}
	return rows.Picture{Width: h.width, Height: h.height, Memory: memory, Decode: func(context.Context) (rows.Reader, error) {
		return h.decode(data[headerSize:])
	}}, nil
}

// rowBytes is how many bytes a row has.
func (h header) rowBytes() int { return (h.width*h.depth + 7) / 8 }

// indexed reports whether the rows have to be found before the first is read.
func (h header) indexed() bool { return h.compressed && h.flags&flagTop == 0 }
