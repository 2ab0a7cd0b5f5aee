package pixels

import (
	"image"
	"sync"

	"penstock/clip/internal/rows"
)

// buffers is memory for decoded pictures, to be used again.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// lent reads rows from memory of buffers, and gives that back after the last one.
func lent(memory *[]byte, height int, read rows.Reader) rows.Reader {
	return func(rgb []byte) error {
		err := read(rgb)
		if height--; height == 0 || err != nil {
			buffers.Put(memory)
		}
		return err
	}
}

// inOrder reads rows by row, which fills rgb with row y.
func inOrder(row func(y int, rgb []byte)) rows.Reader {
	next := 0
	return func(rgb []byte) error {
		row(next, rgb)
		next++
		return nil
	}
}

// withoutAlpha reads an image of Go's decoders. The colours beneath alpha are kept, as Pillow's
// convert("RGB") does.
func withoutAlpha(m *image.NRGBA) rows.Reader {
	return inOrder(func(y int, rgb []byte) {
		line := m.Pix[y*m.Stride:]
		for ; len(rgb) >= 3; rgb, line = rgb[3:], line[4:] {
			copy(rgb[:3], line)
		}
	})
}
