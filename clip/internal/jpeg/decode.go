package jpeg

import "io"

// maxScans bounds the work of a progressive picture: a few bytes of data can define a scan over
// every block.
const maxScans = 100

// A Plane holds one component's samples, Width x Height of them. Across and Down are how many
// pixels share a sample.
type Plane struct {
	Pix           []byte
	Stride        int
	Width, Height int
	Across, Down  int
}

// Samples is the size of the planes in bytes.
func (p *Picture) Samples() int {
	n := 0
	for _, c := range p.components {
		n += 64 * c.across * c.down
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

// Decode reads the picture's data into planes that lie in memory, at least Samples bytes of any
// content. It may be called once.
func (p *Picture) Decode(memory []byte) ([]Plane, error) {
	for i := range p.components {
		c := &p.components[i]
		size := 64 * c.across * c.down
		c.plane, memory = memory[:size:size], memory[size:]
		if p.progressive {
			c.coefficients = make([]block, c.across*c.down)
		}
	}
	if err := p.scans(); err != nil {
		return nil, err
	}
	planes := make([]Plane, len(p.components))
	for i := range p.components {
		c := &p.components[i]
		for j := range c.coefficients {
			c.writeBlock(&c.coefficients[j], j%c.across, j/c.across)
		}
		planes[i] = Plane{c.plane, 8 * c.across, c.width, c.height, p.hMax / c.h, p.vMax / c.v}
	}
	return planes, nil
}

// scans reads scan after scan, until every component is there and the picture ends.
func (p *Picture) scans() error {
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
			if err := p.scan(body); err != nil {
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
	b.inverse(c.quant, c.plane[8*(y*stride+x):], stride)
}
