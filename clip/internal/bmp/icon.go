package bmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"

	"penstock/clip/internal/rows"
)

// Sizes in icons and cursors.
const (
	directory = 6  // the bytes before the entries
	entrySize = 16 // of an entry
)

// An entry describes one picture of an icon.
type entry struct {
	area         int
	depth        int // for the order only
	bits         int // as the entry has it
	offset, size int
}

// OpenIcon reads the header of the picture that Pillow shows of an ICO: the largest one, and of
// those the one of fewest colours. Where that is a PNG file, it returns the file instead. The mask
// of a bitmap has to be there, and is dropped as alpha is. data must not be changed.
func OpenIcon(data []byte) (p rows.Picture, png []byte, err error) {
	e, err := largest(data)
	if err != nil {
		return rows.Picture{}, nil, err
	}
	const magic = "\x89PNG\r\n\x1a\n"
	if e.offset > len(data)-len(magic) {
		return rows.Picture{}, nil, io.ErrUnexpectedEOF
	}
	if bytes.HasPrefix(data[e.offset:], []byte(magic)) {
		return rows.Picture{}, data[e.offset:], nil
	}
	b, err := readBitmap(data, e.offset, 0)
	if err != nil {
		return rows.Picture{}, nil, err
	}
	b.height /= 2 // the other half is the mask
	if err := b.checkMask(e); err != nil {
		return rows.Picture{}, nil, err
	}
	return b.picture(), nil, nil
}

// largest returns the entry that Pillow shows.
func largest(data []byte) (entry, error) {
	if len(data) < directory {
		return entry{}, io.ErrUnexpectedEOF
	}
	n := int(binary.LittleEndian.Uint16(data[4:]))
	if len(data) < directory+n*entrySize {
		return entry{}, io.ErrUnexpectedEOF
	}
	if n == 0 {
		return entry{}, errors.New("an icon of no pictures")
	}
	var best entry
	for i := range n {
		if e := readEntry(data[directory+i*entrySize:]); e.area > best.area || e.area == best.area && e.depth < best.depth {
			best = e
		}
	}
	return best, nil
}

func readEntry(d []byte) entry {
	side := func(v byte) int {
		if v == 0 {
			return 256
		}
		return int(v)
	}
	e := entry{
		area:   side(d[0]) * side(d[1]),
		bits:   int(binary.LittleEndian.Uint16(d[6:])),
		size:   int(binary.LittleEndian.Uint32(d[8:])),
		offset: int(binary.LittleEndian.Uint32(d[12:])),
	}
	e.depth = e.bits
	if count := uint(d[2]); e.depth == 0 && count > 1 {
		e.depth = bits.Len(count - 1)
	}
	if e.depth == 0 {
		e.depth = 256
	}
	return e
}

// checkMask checks that the mask is as long as Pillow requires: the alpha in pixels of 32 bits, or
// a bit a pixel in rows of whole words at the end of the picture.
func (b *bitmap) checkMask(e entry) error {
	if b.width == 0 || b.height == 0 {
		return nil
	}
	if e.bits == 32 {
		if (len(b.data)-b.start)/4/b.width < b.height {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	stride := (b.width + 31) / 32 * 4
	if b.height > len(b.data)/stride+1 { // which also bounds the product
		return io.ErrUnexpectedEOF
	}
	at := e.offset + e.size - stride*b.height
	if at < 0 {
		return errors.New("the mask begins before the file")
	}
	if len(b.data)-at < stride*(b.height-1)+(b.width+7)/8 {
		return io.ErrUnexpectedEOF
	}
	return nil
}
