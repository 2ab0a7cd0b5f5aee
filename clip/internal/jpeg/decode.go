package jpeg

import (
	"context"
	"io"
)

// maxScans bounds the work of a progressive picture: a few bytes of data can define a scan over
// every block.
const maxScans = 100

// A Plane holds samples of one component, which has Width x Height of them: row y is row y % Rows
// of Pix. Across and Down are how many pixels share a sample.
type Plane struct {
	Pix           []byte
	Stride, Rows  int
	Width, Height int
	Across, Down  int
}

// choosePlanes decides how much of each component is kept, by the header of the first scan. A
// sequential picture whose first scan has all components is complete in each row of units, and two
// of them are kept. Others are complete at their end only.
func (p *Picture) choosePlanes(body []byte) {
	p.inRows = !p.progressive && len(body) > 0 && int(body[0]) == len(p.components)
	for i := range p.components {
		c := &p.components[i]
		c.kept = c.down
		if p.inRows {
			c.kept = min(c.kept, 2*p.blockRows(c))
		}
	}
}

// blockRows is how many rows of a component's blocks are in a row of units, if the picture is
// decoded in rows.
func (p *Picture) blockRows(c *component) int {
	if len(p.components) == 1 {
		return 1
	}
	return c.v
}

// Samples is the size of the planes in bytes.
func (p *Picture) Samples() int {
	n := 0
	for _, c := range p.components {
		n += 64 * c.across * c.kept
	}
	return n
}

// Memory is how many bytes Decode uses in all, including the planes.
func (p *Picture) Memory() int64 {
	if p.progressive {
		return 3 * int64(p.Samples()) // every coefficient is kept until the end, two bytes each
	}
	return int64(p.Samples())
}

// Decode returns planes that lie in memory, at least Samples bytes of any content. Reach fills
// them. It may be called once. A picture that is decoded whole is decoded here, until ctx ends.
func (p *Picture) Decode(ctx context.Context, memory []byte) ([]Plane, error) {
	planes := make([]Plane, len(p.components))
	for i := range p.components {
		c := &p.components[i]
		size := 64 * c.across * c.kept
		c.plane, memory = memory[:size:size], memory[size:]
		if p.progressive {
			c.coefficients = make([]block, c.across*c.down)
		}
		planes[i] = Plane{c.plane, 8 * c.across, 8 * c.kept, c.width, c.height, p.hMax / c.h, p.vMax / c.v}
	}
	if p.inRows {
		return planes, p.firstScan()
	}
	if err := p.scans(ctx); err != nil {
		return nil, err
	}
	for i := range p.components {
		c := &p.components[i]
		for j := range c.coefficients {
			c.writeBlock(&c.coefficients[j], j%c.across, j/c.across)
		}
	}
	return planes, nil
}

// firstScan begins to read the one scan of a picture that is decoded in rows.
func (p *Picture) firstScan() error {
	_, body, err := p.next()
	if err != nil {
		return err
	}
	if err := p.standardTables(); err != nil {
		return err
	}
	p.reading, err = p.begin(body)
	return err
}

// Reach decodes until the planes have the samples of pixel row y, and those above and below them.
// Rows are reached in order; those of samples further up are overwritten. With the last row, the
// picture's end is reached too.
func (p *Picture) Reach(y int) error {
	if !p.inRows {
		return nil
	}
	r := p.reading
	unit := 0
	for i := range p.components {
		c := &p.components[i]
		sample := min(c.height-1, y/(p.vMax/c.v)+1)
		unit = max(unit, sample/(8*p.blockRows(c)))
	}
	for r.row <= unit {
		if err := p.nextRow(r); err != nil {
			return err
		}
		if r.row == r.down {
			return p.end()
		}
	}
	return nil
}

// end reads what follows the scan of a picture that is decoded in rows: libjpeg decodes no further
// scan.
func (p *Picture) end() error {
	for {
		marker, body, err := p.next()
		switch {
		case err != nil:
			return err
		case marker == eoi:
			return nil
		case marker == sos:
			continue
		}
		if err := p.table(marker, body); err != nil {
			return err
		}
	}
}

// scans reads scan after scan, until every component is there and the picture ends.
func (p *Picture) scans(ctx context.Context) error {
	for n := 0; ; {
		marker, body, err := p.next()
		switch {
		case err != nil:
			return err
		case marker == eoi && !p.complete():
			return io.ErrUnexpectedEOF
		case marker == eoi:
			return nil
		case marker == sos:
			if n++; n > maxScans {
				return UnsupportedError("a picture of more than 100 scans")
			}
			if n == 1 && !p.progressive {
				if err := p.standardTables(); err != nil {
					return err
				}
			}
			if err := p.scan(ctx, body); err != nil {
				return err
			}
		default:
			if err := p.table(marker, body); err != nil {
				return err
			}
		}
	}
}

// complete reports whether every component has been in a scan.
func (p *Picture) complete() bool {
	for _, c := range p.components {
		if !c.seen {
			return false
		}
	}
	return true
}

// writeBlock transforms a block into its position in the plane.
func (c *component) writeBlock(b *block, x, y int) {
	stride := 8 * c.across
	b.inverse(c.quant, c.plane[8*(y%c.kept*stride+x):], stride)
}
