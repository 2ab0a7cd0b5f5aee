package png

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"penstock/clip/internal/rows"
)

// Colour types. All but these are greys.
const (
	colours    = 2
	indices    = 3
	greyAlpha  = 4
	coloursToo = 6 // with alpha
)

// A header is what an IHDR chunk has.
type header struct {
	width, height int
	depth, colour byte
	interlaced    bool
}

// samples is how many samples a pixel of each colour type has, and depths are the bits that each
// may have.
var (
	samples = [7]int{0: 1, colours: 3, indices: 1, greyAlpha: 2, coloursToo: 4}
	depths  = [7]string{0: "\x01\x02\x04\x08\x10", colours: "\x08\x10", indices: "\x01\x02\x04\x08", greyAlpha: "\x08\x10", coloursToo: "\x08\x10"}
)

// inflater is what inflating takes, at most: its window, tables and buffer.
const inflater = 128 << 10

const signature = "\x89PNG\r\n\x1a\n"

// Open reads a PNG's header.
func Open(data []byte) (rows.Picture, error) {
	if len(data) < len(signature) {
		return rows.Picture{}, io.ErrUnexpectedEOF
	}
	if string(data[:len(signature)]) != signature {
		return rows.Picture{}, errors.New("it has no PNG signature")
	}
	all := &chunks{data[len(signature):]}
	h, err := readHeader(all)
	if err != nil {
		return rows.Picture{}, err
	}
	memory := 2*int64(h.rowBytes(h.width)) + int64(h.width) + inflater
	if h.interlaced {
		memory += rows.Bytes(h.width, h.height, int64(h.stored()))
	}
	if memory < 0 {
		memory = math.MaxInt64
	}
	return rows.Picture{Width: h.width, Height: h.height, Memory: memory, Decode: func(ctx context.Context) (rows.Reader, error) {
		return decode(ctx, h, all)
	}}, nil
}

func readHeader(all *chunks) (header, error) {
	next, err := all.next()
	if err != nil {
		return header{}, err
	}
	if !next.is("IHDR") || len(next.body) != 13 {
		return header{}, errors.New("it does not begin with a header")
	}
	if err := next.check(); err != nil {
		return header{}, err
	}
	width, height := binary.BigEndian.Uint32(next.body), binary.BigEndian.Uint32(next.body[4:])
	h := header{width: int(width), height: int(height), depth: next.body[8], colour: next.body[9], interlaced: next.body[12] == 1}
	switch {
	case width == 0 || height == 0 || width > math.MaxInt32 || height > math.MaxInt32:
		return header{}, fmt.Errorf("a size of %d by %d", width, height)
	case next.body[10] != 0 || next.body[11] != 0 || next.body[12] > 1:
		return header{}, rows.UnsupportedError("another compression, filter or interlace")
	case int(h.colour) >= len(depths):
		return header{}, rows.UnsupportedError("colour type")
	}
	for _, d := range []byte(depths[h.colour]) {
		if d == h.depth {
			return h, nil
		}
	}
	return header{}, rows.UnsupportedError("colour type and depth")
}

// pixelBits is how many bits a pixel has.
func (h header) pixelBits() int { return int(h.depth) * samples[h.colour] }

// rowBytes is how many bytes a row of the given width has, without its filter.
func (h header) rowBytes(width int) int { return (width*h.pixelBits() + 7) / 8 }

// stored is how many bytes a pixel has when it is unpacked: one, its grey or the index of its
// colour, or three.
func (h header) stored() int {
	if h.colour == colours || h.colour == coloursToo {
		return 3
	}
	return 1
}
