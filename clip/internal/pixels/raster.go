package pixels

import (
	"image"
	"image/color"
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

// rowsOf reads the images of Go's decoders. Alpha is dropped and the colours beneath it are kept,
// as Pillow's convert("RGB") does; of 16-bit samples the high byte is used.
func rowsOf(m image.Image) rows.Reader {
	switch m := m.(type) {
	case *image.Gray:
		return inOrder(greyRows(m.Pix, m.Stride, 1))
	case *image.Gray16:
		return inOrder(greyRows(m.Pix, m.Stride, 2))
	case *image.RGBA:
		return inOrder(colourRows(m.Pix, m.Stride, 4, 1))
	case *image.NRGBA:
		return inOrder(colourRows(m.Pix, m.Stride, 4, 1))
	case *image.RGBA64:
		return inOrder(colourRows(m.Pix, m.Stride, 8, 2))
	case *image.NRGBA64:
		return inOrder(colourRows(m.Pix, m.Stride, 8, 2))
	case *image.Paletted:
		return inOrder(paletteRows(m))
	}
	return inOrder(anyRows(m))
}

func greyRows(pix []byte, stride, step int) func(int, []byte) {
	return func(y int, rgb []byte) {
		line := pix[y*stride:]
		for i, x := 0, 0; i+2 < len(rgb); i, x = i+3, x+step {
			v := line[x]
			rgb[i], rgb[i+1], rgb[i+2] = v, v, v
		}
	}
}

// colourRows reads interleaved colours: step bytes a pixel, each sample size bytes, the high one
// first.
func colourRows(pix []byte, stride, step, size int) func(int, []byte) {
	return func(y int, rgb []byte) {
		line := pix[y*stride:]
		for i, x := 0, 0; i+2 < len(rgb); i, x = i+3, x+step {
			rgb[i], rgb[i+1], rgb[i+2] = line[x], line[x+size], line[x+2*size]
		}
	}
}

func paletteRows(m *image.Paletted) func(int, []byte) {
	var palette [256][3]byte
	for i, c := range m.Palette {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		palette[i] = [3]byte{n.R, n.G, n.B}
	}
	return func(y int, rgb []byte) {
		line := m.Pix[y*m.Stride:]
		for i, x := 0, 0; i+2 < len(rgb); i, x = i+3, x+1 {
			copy(rgb[i:i+3], palette[line[x]][:])
		}
	}
}

// anyRows reads any other image the slow way.
func anyRows(m image.Image) func(int, []byte) {
	b := m.Bounds()
	return func(y int, rgb []byte) {
		for i, x := 0, b.Min.X; i+2 < len(rgb); i, x = i+3, x+1 {
			n := color.NRGBAModel.Convert(m.At(x, b.Min.Y+y)).(color.NRGBA)
			rgb[i], rgb[i+1], rgb[i+2] = n.R, n.G, n.B
		}
	}
}
