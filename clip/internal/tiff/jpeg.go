package tiff

import (
	"io"

	"penstock/clip/internal/jpeg"
)

// Colours makes rows of RGB of a JPEG's planes.
type Colours func(model jpeg.Model, planes []jpeg.Plane, width int) func(y int, rgb []byte)

// A jpegCodec is for strips and tiles that are JPEG pictures. What they have in common may lie in
// the directory. YCbCr becomes RGB; other samples stay as they are, whatever a JPEG file on its own
// would mean by them.
type jpegCodec struct {
	*layout
	tables  *jpeg.Tables
	colours Colours
	most    int64 // the memory that a block may take, which is what the first one takes
	samples int   // of a pixel of a block
}

func newJPEGCodec(l *layout, data []byte, colours Colours) (codec, error) {
	if l.bits != 8 {
		return nil, unsupported("JPEG compression of samples of %d bits", l.bits)
	}
	if l.photometric == asYCbCr && l.planar {
		return nil, unsupported("JPEG compression of YCbCr in planes")
	}
	c := &jpegCodec{layout: l, tables: new(jpeg.Tables), colours: colours, samples: l.stored()}
	if f, ok := l.fields[tagJPEGTables]; ok && len(f.bytes()) > 0 {
		var err error
		if c.tables, err = jpeg.ReadTables(f.bytes()); err != nil {
			return nil, err
		}
	}
	at := l.offsets.at(0)
	if at < 0 || at > int64(len(data)) {
		return nil, io.ErrUnexpectedEOF
	}
	first, err := c.open(data[at:])
	if err != nil {
		return nil, err
	}
	c.most = first.Memory()
	return c, nil
}

// open reads the header of a block.
func (c *jpegCodec) open(block []byte) (*jpeg.Picture, error) {
	p, err := c.tables.Open(block)
	switch {
	case err != nil:
		return nil, err
	case p.Width != c.blockW || p.Height > c.blockH+maxSurplus:
		return nil, broken("a JPEG of %dx%d is in a strip or tile of %dx%d", p.Width, p.Height, c.blockW, c.blockH)
	case p.Components() != c.samples:
		return nil, broken("a JPEG has %d components, not %d", p.Components(), c.samples)
	case c.most > 0 && p.Memory() > c.most:
		return nil, unsupported("JPEGs that take more memory than the first of them")
	}
	return p, nil
}

// maxSurplus is how many rows too many a strip may have: some writers do not cut off the last one.
const maxSurplus = 64

func (c *jpegCodec) memory() int64 {
	const tables = 128 << 10
	return c.most + 16*int64(c.blockW) + tables
}

func (c *jpegCodec) decoder() (decoder, error) { return &jpegDecoder{jpegCodec: c}, nil }

// A jpegDecoder decodes each block whole, when its first row is read.
type jpegDecoder struct {
	*jpegCodec
	buffer []byte
	planes []jpeg.Plane
	rgb    func(y int, rgb []byte) // nil if samples stay as they are
	height int
	y      int
}

func (d *jpegDecoder) start(block []byte, _ int) error {
	p, err := d.open(block)
	if err != nil {
		return err
	}
	if d.buffer == nil {
		d.buffer = make([]byte, p.Samples())
	}
	if p.Samples() > len(d.buffer) {
		return unsupported("JPEGs larger than the first of them")
	}
	if d.planes, err = p.Decode(d.buffer); err != nil {
		return err
	}
	d.rgb, d.y, d.height = nil, 0, p.Height
	if d.photometric == asYCbCr {
		d.rgb = d.colours(jpeg.YCbCr, d.planes, p.Width)
		return nil
	}
	for _, plane := range d.planes {
		if plane.Across != 1 || plane.Down != 1 {
			return unsupported("a JPEG of less chroma that is not YCbCr")
		}
	}
	return nil
}

func (d *jpegDecoder) row(row []byte) error {
	if d.y == d.height {
		return io.ErrUnexpectedEOF
	}
	if d.rgb != nil {
		d.rgb(d.y, row)
	} else {
		for i, plane := range d.planes {
			for x, v := range plane.Pix[d.y*plane.Stride:][:plane.Width] {
				row[x*d.samples+i] = v
			}
		}
	}
	d.y++
	return nil
}
