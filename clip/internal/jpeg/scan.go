package jpeg

import (
	"context"
	"runtime"
)

// A scan holds some coefficients of some components: all of them in a sequential picture; in a
// progressive one those from..to (in zigzag order), and of these the bits from low up, or bit low
// alone when it refines them.
type scan struct {
	bits
	progressive bool
	from, to    int
	refine      bool
	low         uint
	skip        int // following blocks that have no more coefficients in this scan (the standard's EOBRUN)
}

// A reading is a scan that is being read, row after row of its units.
type reading struct {
	*scan
	parts        []*component
	across, down int // in units
	row          int // the next one
}

// begin starts to read a scan, whose header is body.
func (p *Picture) begin(body []byte) (*reading, error) {
	parts, s, err := p.scanHeader(body)
	if err != nil {
		return nil, err
	}
	s.data, s.at = p.data, p.at

	// One component alone is stored block by block, row by row; several are stored in units (MCUs)
	// of the blocks that share an area.
	r := &reading{scan: s, parts: parts, across: ceil(p.Width, 8*p.hMax), down: ceil(p.Height, 8*p.vMax)}
	if len(parts) == 1 {
		r.across, r.down = ceil(parts[0].width, 8), ceil(parts[0].height, 8)
	}
	return r, nil
}

// scan reads one scan, whose header is body, until ctx ends.
func (p *Picture) scan(ctx context.Context, body []byte) error {
	r, err := p.begin(body)
	for err == nil && r.row < r.down {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err = p.nextRow(r)
	}
	return err
}

// nextRow reads the next row of units. After the last one, the picture goes on after the scan.
func (p *Picture) nextRow(r *reading) error {
	if r.row%4 == 0 {
		// Else goroutines that return from C, or were preempted, wait long in Go's scheduler.
		runtime.Gosched()
	}
	for x := range r.across {
		if unit := r.row*r.across + x; p.restart > 0 && unit > 0 && unit%p.restart == 0 {
			if err := r.nextRestart(); err != nil {
				return err
			}
			for _, c := range r.parts {
				c.previous = 0
			}
		}
		for _, c := range r.parts {
			if len(r.parts) == 1 {
				p.block(r.scan, c, x, r.row)
				continue
			}
			for i := range c.h * c.v {
				p.block(r.scan, c, x*c.h+i%c.h, r.row*c.v+i/c.h)
			}
		}
		if r.err != nil {
			return r.err
		}
	}
	if r.row++; r.row == r.down {
		p.at = r.at
	}
	return nil
}

// scanHeader reads which components a scan has, and which part of them.
func (p *Picture) scanHeader(body []byte) (parts []*component, s *scan, err error) {
	if len(body) < 4 || len(body) != 4+2*int(body[0]) || body[0] < 1 || body[0] > 4 {
		return nil, nil, broken("a scan's header has the wrong length")
	}
	s = &scan{progressive: p.progressive, to: 63}
	rest := body[1+2*int(body[0]):]
	if p.progressive {
		s.from, s.to = int(rest[0]), int(rest[1])
		s.refine, s.low = rest[2]>>4 != 0, uint(rest[2]&15)
		if s.from > s.to || s.to > 63 || s.low > 13 || s.from == 0 && s.to != 0 || s.from > 0 && body[0] != 1 {
			return nil, nil, broken("a scan's bounds are invalid")
		}
	}
	blocks := 0
	for i := range int(body[0]) {
		id, tables := body[1+2*i], body[2+2*i]
		var c *component
		for j := range p.components {
			if p.components[j].id == id {
				c = &p.components[j]
			}
		}
		if c == nil || tables>>4 > 3 || tables&15 > 3 {
			return nil, nil, broken("a scan names what is not there")
		}
		for _, other := range parts {
			if other == c {
				return nil, nil, broken("a scan names a component twice")
			}
		}
		if c.quant == nil {
			if c.quant = p.quant[c.table]; c.quant == nil {
				return nil, nil, broken("a quantisation table is missing")
			}
		}
		c.dcTable, c.acTab = p.huffman[0][tables>>4], p.huffman[1][tables&15]
		needDC, needAC := s.from == 0 && !s.refine, s.to > 0
		if needDC && c.dcTable == nil || needAC && c.acTab == nil {
			return nil, nil, broken("a Huffman table is missing")
		}
		c.seen, c.previous = true, 0
		blocks += c.h * c.v
		parts = append(parts, c)
	}
	if len(parts) > 1 && blocks > 10 {
		return nil, nil, broken("a scan's units are too large")
	}
	return parts, s, nil
}

// last is the position of a block's last coefficient in zigzag order.
const last = 63

// block reads one block's part of the scan.
func (p *Picture) block(s *scan, c *component, x, y int) {
	if !s.progressive {
		var b block
		c.previous += s.extended(s.category(c.dcTable))
		b[0] = int16(c.previous)
		s.acFirst(&b, c.acTab, 1)
		c.writeBlock(&b, x, y)
		return
	}
	b := &c.coefficients[y*c.across+x]
	switch {
	case s.from == 0 && s.refine:
		b[0] |= int16(s.take(1) << s.low)
	case s.from == 0:
		c.previous += s.extended(s.category(c.dcTable))
		b[0] = int16(c.previous << s.low)
	case s.refine:
		s.acRefine(b, c.acTab)
	default:
		s.acFirst(b, c.acTab, s.from)
	}
}

// category reads how many bits a DC difference has.
func (s *scan) category(t *huffman) int {
	n := s.symbol(t)
	if n > 15 {
		s.stop(broken("a difference has %d bits", n))
		return 0
	}
	return n
}

// acFirst reads coefficients from..to for the first time.
func (s *scan) acFirst(b *block, t *huffman, from int) {
	if s.skip > 0 {
		s.skip--
		return
	}
	for i := from; i <= s.to; i++ {
		symbol, number := s.coded(t)
		zeros, size := symbol>>4, symbol&15
		switch {
		case size != 0:
			i += zeros
			b[natural[min(i, last)]] = int16(number << s.low) // beyond to as well, as in libjpeg
		case zeros == 15:
			i += 15
		default:
			s.endRun(zeros)
			s.skip--
			return
		}
	}
}

// endRun reads for how many blocks, this one included, there are no more coefficients.
func (s *scan) endRun(n int) {
	s.skip = 1
	if n > 0 && s.progressive {
		s.skip = 1<<n + int(s.take(n))
	}
}

// acRefine reads one more bit of the coefficients from..to: of those that are not zero, and of
// those that become so.
func (s *scan) acRefine(b *block, t *huffman) {
	bit := int16(1) << s.low
	i := s.from
	for s.skip == 0 && i <= s.to && s.err == nil {
		symbol := s.symbol(t)
		zeros, size := symbol>>4, symbol&15
		fresh := int16(0)
		switch {
		case size > 0: // it should be 1; libjpeg takes any other for it
			if fresh = -bit; s.take(1) == 1 {
				fresh = bit
			}
		case zeros < 15:
			s.endRun(zeros)
			continue
		}
		// Skip that many zeros and refine the coefficients between them; the fresh one goes to the
		// next zero.
		for ; i <= s.to; i++ {
			v := &b[natural[i]]
			if *v != 0 {
				s.improve(v, bit)
			} else if zeros--; zeros < 0 {
				break
			}
		}
		if fresh != 0 {
			b[natural[min(i, last)]] = fresh
		}
		i++
	}
	if s.skip > 0 {
		for ; i <= s.to; i++ {
			if v := &b[natural[i]]; *v != 0 {
				s.improve(v, bit)
			}
		}
		s.skip--
	}
}

// improve adds a bit to a coefficient if the next bit of the data is 1.
func (s *scan) improve(v *int16, bit int16) {
	if s.take(1) == 1 && *v&bit == 0 {
		if *v > 0 {
			*v += bit
		} else {
			*v -= bit
		}
	}
}

// nextRestart advances past the next restart marker, where the decoder's state starts anew.
func (s *scan) nextRestart() error {
	s.n, s.skip = 0, 0
	for s.at+1 < len(s.data) {
		if marker := s.data[s.at+1]; s.data[s.at] == 0xff && marker >= rst0 && marker <= rst7 {
			s.at += 2
			return nil
		} else if s.data[s.at] == 0xff && marker != 0 && marker != 0xff {
			break
		}
		s.at++
	}
	s.runOut()
	return s.err
}
