package png

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/klauspost/compress/zlib"

	"penstock/clip/internal/rows"
)

// A decoder reads the rows of a picture.
type decoder struct {
	header
	chunks   *chunks
	inflated io.Reader
	palette  [256][3]byte // the colour of each stored byte, where a pixel is one

	filter [1]byte
	row    []byte // the present row of samples
	before []byte // the one before it
	pixels []byte // a row of stored bytes, where a pixel is one
}

// decode reads what is before the image data, and of an interlaced picture all of it.
func decode(ctx context.Context, h header, all *chunks) (rows.Reader, error) {
	d := &decoder{header: h, chunks: all}
	if err := d.readPalette(); err != nil {
		return nil, err
	}
	inflated, err := zlib.NewReader(bufio.NewReader(&imageData{chunks: all}))
	if err != nil {
		return nil, short(err)
	}
	d.inflated = inflated
	d.row, d.before = make([]byte, h.rowBytes(h.width)), make([]byte, h.rowBytes(h.width))
	d.pixels = make([]byte, h.stored()*h.width)
	if h.interlaced {
		return d.whole(ctx)
	}
	left := h.height
	return func(rgb []byte) error {
		if err := d.next(); err != nil {
			return err
		}
		if d.stored() == 1 {
			d.unpack(d.pixels, d.row)
			d.colourise(rgb, d.pixels)
		} else {
			d.unpack(rgb, d.row)
		}
		if left--; left > 0 {
			return nil
		}
		return d.end()
	}, nil
}

// readPalette reads the chunks before the image data.
func (d *decoder) readPalette() error {
	d.greys()
	for seen := d.colour != indices; ; {
		next, err := d.chunks.peek()
		if err != nil {
			return err
		}
		if next.is("IDAT") {
			if !seen {
				return errors.New("it has no palette")
			}
			return nil
		}
		if err := next.check(); err != nil {
			return err
		}
		d.chunks.skip(next)
		switch {
		case next.is("IHDR"), next.is("IEND"):
			return errors.New("it has no image data")
		case next.is("PLTE"):
			colours := next.body
			if len(colours) == 0 || len(colours)%3 != 0 || len(colours) > 3*len(d.palette) {
				return errors.New("its palette has a wrong length")
			}
			if d.colour == indices {
				clear(d.palette[:]) // indices beyond it are black, as libpng has them
				for i := range len(colours) / 3 {
					copy(d.palette[i][:], colours[3*i:])
				}
				seen = true
			}
		}
	}
}

// greys makes the palette of a picture in greys.
func (d *decoder) greys() {
	most := 255
	if d.depth < 8 {
		most = 1<<d.depth - 1
	}
	for i := range most + 1 {
		v := byte(i * 255 / most)
		d.palette[i] = [3]byte{v, v, v}
	}
}

// next reads a row of samples.
func (d *decoder) next() error {
	d.row, d.before = d.before, d.row
	if _, err := io.ReadFull(d.inflated, d.filter[:]); err != nil {
		return short(err)
	}
	if _, err := io.ReadFull(d.inflated, d.row); err != nil {
		return short(err)
	}
	return unfilter(d.filter[0], d.row, d.before, max(1, d.pixelBits()/8))
}

// end reads what follows the last row. More image data is no error, and not inflated.
func (d *decoder) end() error {
	if n, err := io.ReadFull(d.inflated, d.filter[:]); n == 0 && !errors.Is(err, io.EOF) {
		return err
	}
	return d.chunks.end()
}

// short converts the error of image data that ends too early.
func short(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// passes are where each pass of an interlaced picture has its first pixel, and the distances to the
// next ones.
var passes = [...]struct{ x, y, dx, dy int }{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// whole decodes an interlaced picture, until ctx ends.
func (d *decoder) whole(ctx context.Context) (rows.Reader, error) {
	size := d.stored()
	stored := make([]byte, size*d.width*d.height)
	row, before := d.row, d.before
	for _, p := range passes {
		width := (d.width - p.x + p.dx - 1) / p.dx
		if width <= 0 {
			continue
		}
		d.row, d.before = row[:d.rowBytes(width)], before[:d.rowBytes(width)]
		clear(d.row)
		for y := p.y; y < d.height; y += p.dy {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if err := d.next(); err != nil {
				return nil, err
			}
			d.unpack(d.pixels[:size*width], d.row)
			spread(stored[size*(y*d.width+p.x):], d.pixels[:size*width], size, size*p.dx)
		}
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	return func(rgb []byte) error {
		line := stored[:size*d.width]
		stored = stored[len(line):]
		if size == 1 {
			d.colourise(rgb, line)
		} else {
			copy(rgb, line)
		}
		return nil
	}, nil
}

// spread copies pixels of size bytes to every step bytes.
func spread(to, pixels []byte, size, step int) {
	if size == 1 {
		for i, v := range pixels {
			to[i*step] = v
		}
		return
	}
	for at := 0; len(pixels) >= 3; at, pixels = at+step, pixels[3:] {
		p := to[at : at+3 : at+3]
		p[0], p[1], p[2] = pixels[0], pixels[1], pixels[2]
	}
}
