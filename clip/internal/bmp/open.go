package bmp

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"penstock/clip/internal/rows"
)

// Open reads the header of a BMP, or of a bitmap that has no file header (DIB). data must not be
// changed.
func Open(data []byte) (rows.Picture, error) {
	at, start := 0, 0
	if len(data) >= 2 && string(data[:2]) == "BM" {
		if len(data) < fileHeader {
			return rows.Picture{}, io.ErrUnexpectedEOF
		}
		at, start = fileHeader, int(binary.LittleEndian.Uint32(data[pixelsField:]))
	}
	b, err := readBitmap(data, at, start)
	if err != nil {
		return rows.Picture{}, err
	}
	return b.picture(), nil
}

// picture is what is shown of a bitmap.
func (b *bitmap) picture() rows.Picture {
	return rows.Picture{Width: b.width, Height: b.height, Memory: b.memory(), Decode: func(context.Context) (rows.Reader, error) {
		if err := b.begin(); err != nil {
			return nil, err
		}
		y := -1
		return func(rgb []byte) error {
			y++
			return b.row(y, rgb)
		}, nil
	}}
}

// memory is what decoding takes: the palette and, of run-length encoded pixels, a row of indices
// and where each row starts.
func (b *bitmap) memory() int64 {
	memory := int64(3 * 256)
	if b.encoded() {
		memory += int64(b.width) + runSize*int64(b.height)
	}
	return memory
}

func (b *bitmap) encoded() bool { return b.compression == rle8 || b.compression == rle4 }

// begin checks that the pixels are there.
func (b *bitmap) begin() error {
	switch {
	case b.width == 0 || b.height == 0:
		return errors.New("it has no pixels")
	case b.encoded():
		return b.scan()
	}
	rest := len(b.data) - b.start - b.lineSize() // after the first row; the last may lack its padding
	if rest < 0 || rest/b.stride() < b.height-1 {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (b *bitmap) lineSize() int { return (b.width*b.bits + 7) / 8 }
func (b *bitmap) stride() int   { return (b.width*b.bits + 31) / 32 * 4 }

// row decodes row y from the top.
func (b *bitmap) row(y int, rgb []byte) error {
	if !b.topDown {
		y = b.height - 1 - y
	}
	if b.encoded() {
		r := b.runs[y]
		if err := r.fill(b.line, b.data, b.compression == rle4); err != nil {
			return err
		}
		b.unpack(rgb, b.line)
	} else {
		at := b.start + y*b.stride()
		b.unpack(rgb, b.data[at:at+b.lineSize()])
	}
	return nil
}
