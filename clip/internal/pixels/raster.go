package pixels

import (
	"image"
	"image/color"
	"sync"
)

// A raster is a decoded picture that is read once, row by row from the top, as RGB. So a picture is
// never held as RGB in full, whatever form its decoder produced.
type raster struct {
	width, height int
	row           func(y int, rgb []byte) // fills rgb, 3*width bytes, with row y
	done          func()                  // releases the memory that row reads; nil where there is none
}

// buffers is memory for rasters, to be used again.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// close releases what r holds. It must not be read any more.
func (r raster) close() {
	if r.done != nil {
		r.done()
	}
}

// rasterOf wraps the images of Go's decoders. Alpha is dropped and the colours beneath it are kept,
// as Pillow's convert("RGB") does; of 16-bit samples the high byte is used.
func rasterOf(m image.Image) raster {
	b := m.Bounds()
	r := raster{width: b.Dx(), height: b.Dy()}
	switch m := m.(type) {
	case *image.Gray:
		r.row = greyRows(m.Pix, m.Stride, 1)
	case *image.Gray16:
		r.row = greyRows(m.Pix, m.Stride, 2)
	case *image.RGBA:
		r.row = colourRows(m.Pix, m.Stride, 4, 1)
	case *image.NRGBA:
		r.row = colourRows(m.Pix, m.Stride, 4, 1)
	case *image.RGBA64:
		r.row = colourRows(m.Pix, m.Stride, 8, 2)
	case *image.NRGBA64:
		r.row = colourRows(m.Pix, m.Stride, 8, 2)
	case *image.Paletted:
		r.row = paletteRows(m)
	default:
		r.row = anyRows(m)
	}
	return r
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
