package bmp

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"penstock/clip/internal/rows"
)

// OpenCursor reads the header of the bitmap that Pillow shows of a CUR: the first one that none is
// larger than. data must not be changed.
func OpenCursor(data []byte) (rows.Picture, error) {
	if len(data) < directory {
		return rows.Picture{}, io.ErrUnexpectedEOF
	}
	n := int(binary.LittleEndian.Uint16(data[4:]))
	if len(data) < directory+n*entrySize {
		return rows.Picture{}, io.ErrUnexpectedEOF
	}
	if n == 0 {
		return rows.Picture{}, errors.New("a cursor file of no cursors")
	}
	best := data[directory:]
	for i := range n {
		if e := data[directory+i*entrySize:]; e[0] > best[0] && e[1] > best[1] {
			best = e
		}
	}
	at := int(binary.LittleEndian.Uint32(best[12:]))
	if at == 0 { // Pillow doesn't seek then
		at = directory + n*entrySize
	}
	b, err := readBitmap(data, at, 0)
	if err != nil {
		return rows.Picture{}, err
	}
	half := b.height / 2
	if !b.maskable {
		b.height = half // what follows is the mask
		return b.picture(), nil
	}
	if b.height%2 != 0 {
		return rows.Picture{}, errors.New("a cursor of an odd height")
	}
	p := b.picture()
	p.Height = half
	p.Memory += 3 * int64(b.width)
	whole := p.Decode
	p.Decode = func(ctx context.Context) (rows.Reader, error) {
		if _, err := whole(ctx); err != nil {
			return nil, err
		}
		return b.masked(half), nil
	}
	return p, nil
}

// masked shows the lower half of a bitmap of greys through its upper half: what is white there is
// black, as what is transparent in Pillow.
func (b *bitmap) masked(half int) rows.Reader {
	mask := make([]byte, 3*b.width)
	y := 0
	return func(rgb []byte) error {
		if err := b.row(y, mask); err != nil {
			return err
		}
		if err := b.row(half+y, rgb); err != nil {
			return err
		}
		y++
		for i, v := range rgb {
			product := uint(v)*uint(255-mask[i]) + 128
			rgb[i] = byte((product>>8 + product) >> 8)
		}
		return nil
	}
}
