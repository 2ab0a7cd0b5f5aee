package pixels

import (
	"bytes"
	"context"
	"errors"
	"image"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"

	"penstock/clip/internal/rows"
)

// openWebP parses the container itself, because of a lossy picture it needs the planes (Go's
// decoder converts them with the wrong range), and because of an animation it uses the first frame,
// which Go's decoder does not support. Alpha is not even decoded, as it would be dropped.
func openWebP(data []byte) (picture, error) {
	f, err := parseWebP(data)
	if err != nil {
		return picture{}, err
	}
	size, memory, decode, err := f.open()
	if err != nil {
		return picture{}, err
	}
	canvas, corner := f.canvas, f.corner
	if canvas == (image.Point{}) {
		canvas = size
	}
	p := picture{orientation: orientation(f.exif, f.xmp)}
	p.Picture = rows.Picture{Width: canvas.X, Height: canvas.Y, Memory: memory}
	p.Decode = func(ctx context.Context) (rows.Reader, error) {
		r, err := decode(ctx)
		if err != nil || (size == canvas && corner == image.Point{}) {
			return r, err
		}
		return onto(canvas, corner, size, r), nil
	}
	if inside := image.Rect(0, 0, canvas.X, canvas.Y); !(image.Rectangle{corner, corner.Add(size)}).In(inside) {
		return picture{}, errors.New("the frame reaches beyond its canvas")
	}
	return p, nil
}

// open reads the header of the frame.
func (f *webpFile) open() (size image.Point, memory int64, decode func(context.Context) (rows.Reader, error), err error) {
	if f.lossy {
		d := vp8.NewDecoder()
		d.Init(bytes.NewReader(f.frame), len(f.frame))
		head, err := d.DecodeFrameHeader()
		if err != nil {
			return size, 0, nil, err
		}
		size = image.Pt(head.Width, head.Height)
		memory = 2 * area(size) // a byte for luma, a half for chroma, and rounding up to blocks
		decode = func(context.Context) (rows.Reader, error) {
			m, err := d.DecodeFrame()
			if err != nil {
				return nil, err
			}
			return inOrder(webpRows(m)), nil
		}
	} else {
		head, err := vp8l.DecodeConfig(bytes.NewReader(f.frame))
		if err != nil {
			return size, 0, nil, err
		}
		size = image.Pt(head.Width, head.Height)
		// Four bytes, the same again while its transforms are undone, and one for its images of
		// parameters.
		memory = 9*area(size) + codesMemory(size, len(f.frame))
		decode = func(context.Context) (rows.Reader, error) {
			m, err := vp8l.Decode(bytes.NewReader(f.frame))
			if err != nil {
				return nil, err
			}
			return withoutAlpha(m.(*image.NRGBA)), nil // it makes no other
		}
	}
	return size, memory, decode, nil
}

func area(size image.Point) int64 { return int64(size.X) * int64(size.Y) }

// codesMemory is how many bytes the prefix codes of a lossless picture take in Go's decoder, at
// most. A picture may have a group of five codes for each tile of 4 by 4 pixels, but no more groups
// than the decoder allows. A group is five tables and 16 bytes for each symbol, of which there are
// 3136 with the largest colour cache (and an allocation is rounded up by an eighth at most). A file
// has to describe its symbols: in the densest way, 256 of one length, 15 bytes of it describe 4
// KiB.
func codesMemory(size image.Point, file int) int64 {
	const (
		mostGroups    = 2600
		groupTables   = 5 * (24 + 4<<7)
		groupSymbols  = 3136 * 16 * 9 / 8
		bytesFromByte = 280
	)
	groups := min(mostGroups, area(size.Add(image.Pt(3, 3)).Div(4)))
	return groups*groupTables + min(groups*groupSymbols, int64(file)*bytesFromByte)
}

// onto draws a frame on a black canvas, its upper left pixel at corner.
func onto(canvas, corner, size image.Point, read rows.Reader) rows.Reader {
	y := -corner.Y // of the frame
	return func(rgb []byte) error {
		clear(rgb)
		y++
		if y <= 0 || y > size.Y {
			return nil
		}
		return read(rgb[3*corner.X : 3*(corner.X+size.X)])
	}
}

// webpRows converts a lossy WebP's planes as libwebp does: each chroma sample is 9 parts the
// nearest, 3 and 3 its neighbours and 1 the diagonal one (dsp/upsampling.c), then 14-bit fixed
// point from video range (dsp/yuv.h).
func webpRows(m *image.YCbCr) func(int, []byte) {
	width := m.Bounds().Dx()
	height := (m.Bounds().Dy() + 1) / 2
	blue := plane{m.Cb, m.CStride, height, (width + 1) / 2, height}
	red := blue
	red.pix = m.Cr
	u, v := make([]byte, width), make([]byte, width)
	return func(y int, rgb []byte) {
		other := y/2 - 1 + 2*(y%2)
		blend(u, blue.line(y/2), blue.line(other))
		blend(v, red.line(y/2), red.line(other))
		line := m.Y[y*m.YStride : y*m.YStride+width]
		u, v := u[:width], v[:width]
		for x, luma := range line {
			p := rgb[3*x : 3*x+3 : 3*x+3]
			yy, uu, vv := int32(luma)*19077>>8, int32(u[x]), int32(v[x])
			p[0] = clamp((yy + vv*26149>>8 - 14234) >> 6)
			p[1] = clamp((yy - uu*6419>>8 - vv*13320>>8 + 8708) >> 6)
			p[2] = clamp((yy + uu*33050>>8 - 17685) >> 6)
		}
	}
}

// blend writes the upsampled chroma of one row. It rounds in two steps, as libwebp does.
func blend(out, near, far []byte) {
	quarter := func(i int) byte { return byte((3*uint(near[i]) + uint(far[i]) + 2) >> 2) }
	out[0] = quarter(0)
	last := (len(out) - 1) / 2
	for x := 1; x <= last; x++ {
		a, b, c, d := uint(near[x-1]), uint(near[x]), uint(far[x-1]), uint(far[x])
		sum := a + b + c + d + 8
		rising, falling := (sum+2*(b+c))>>3, (sum+2*(a+d))>>3
		out[2*x-1] = byte((rising + a) >> 1)
		out[2*x] = byte((falling + b) >> 1)
	}
	if len(out)%2 == 0 {
		out[len(out)-1] = quarter(last)
	}
}
