package tiff

import (
	"context"
	"io"

	"penstock/clip/internal/jpeg"
	"penstock/clip/internal/rows"
)

// Colours makes rows of RGB of a JPEG's planes, as its Model says.
type Colours func(p *jpeg.Picture, planes []jpeg.Plane) rows.Reader

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
	if l.blockH < 8 && l.blockH < l.height {
		// TIFF's own rule; each would be decoded as if it had 8 rows or more.
		return nil, unsupported("JPEGs in strips or tiles of %d rows", l.blockH)
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

// maxSurplus is how many rows too many all strips may have together: some writers do not cut off
// the last one. If each had them, decoding would take far longer than the picture is large.
const maxSurplus = 64

func (c *jpegCodec) memory() int64 {
	const tables = 128 << 10
	return c.most + 16*int64(c.blockW) + tables
}

func (c *jpegCodec) decoder() (decoder, error) { return &jpegDecoder{jpegCodec: c}, nil }

type jpegDecoder struct {
	*jpegCodec
	buffer  []byte
	surplus int           // rows too many so far
	picture *jpeg.Picture // the block
	planes  []jpeg.Plane
	rgb     rows.Reader // nil if samples stay as they are
	y       int
}

func (d *jpegDecoder) start(block []byte, _ int) error {
	p, err := d.open(block)
	if err != nil {
		return err
	}
	if d.surplus += max(0, p.Height-d.blockH); d.surplus > maxSurplus {
		return broken("its JPEGs are higher than their strips or tiles")
	}
	if d.buffer == nil {
		d.buffer = make([]byte, p.Samples())
	}
	if p.Samples() > len(d.buffer) {
		return unsupported("JPEGs larger than the first of them")
	}
	if d.planes, err = p.Decode(context.Background(), d.buffer); err != nil {
		return err
	}
	d.picture, d.rgb, d.y = p, nil, 0
	if d.photometric == asYCbCr {
		p.Model = jpeg.YCbCr
		d.rgb = d.colours(p, d.planes)
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
	y := d.y
	if y == d.picture.Height {
		return io.ErrUnexpectedEOF
	}
	d.y++
	if d.rgb != nil {
		return d.rgb(row)
	}
	if err := d.picture.Reach(y); err != nil {
		return err
	}
	for i, plane := range d.planes {
		for x, v := range plane.Pix[y%plane.Rows*plane.Stride:][:plane.Width] {
			row[x*d.samples+i] = v
		}
	}
	return nil
}
