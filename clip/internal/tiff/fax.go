package tiff

import (
	"io"
	"math/bits"
)

// A faxCodec is for the compressions of faxes, ITU-T T.4 and T.6. It reads what libtiff reads, and
// shows of damaged lines what libtiff shows.
type faxCodec struct {
	*layout
	options int // of groups 3 and 4
	tables  *faxTables
}

// Options. Of filled lines no option is needed: zeros before an end of line are skipped.
const (
	faxTwoDimensions = 1 // of group 3 alone
	faxUncompressed  = 2
)

func newFaxCodec(l *layout) (codec, error) {
	if l.bits != 1 || l.samples != 1 {
		return nil, unsupported("a fax of more than black and white")
	}
	tag := uint16(tagFaxOptions)
	if l.compression == compressionGroup4 {
		tag = tagFax4Options
	}
	options, err := l.number(tag, 0)
	return &faxCodec{layout: l, options: options, tables: newFaxTables()}, err
}

// maxRuns is how many runs libtiff has room for in a line.
func (c *faxCodec) maxRuns() int { return 2 * ((c.blockW + 32) / 32 * 32) }

func (c *faxCodec) memory() int64 { return 2*4*int64(c.maxRuns()) + 128<<10 }

func (c *faxCodec) decoder() (decoder, error) {
	return &faxDecoder{faxCodec: c, runs: make([]int32, 0, c.maxRuns()), above: make([]int32, 0, c.maxRuns())}, nil
}

// A faxDecoder decodes lines as runs, white and black in turn. The names a0 and b1 are those of the
// standards: where a line is decoded to, and the next change in the line above.
type faxDecoder struct {
	*faxCodec
	faxBits
	block   []byte
	runs    []int32
	above   []int32 // the runs of the line above
	next    int     // the run of above that ends after b1
	a0, b1  int32
	part    int32 // the length of a run whose end is not yet read
	sawEnd  bool  // an end of a line has begun
	endless bool  // lines have no ends, in spite of the compression
	ended   bool  // the block has, by an end of group 4
}

func (d *faxDecoder) start(block []byte, _ int) error {
	d.block = block
	d.faxBits = faxBits{data: block, reversed: d.layout.reversed}
	d.sawEnd, d.ended = false, false
	d.above = append(d.above[:0], int32(d.blockW), 0)
	return nil
}

func (d *faxDecoder) row(row []byte) error {
	if d.ended {
		clear(row)
		return nil
	}
	d.runs, d.a0, d.part = d.runs[:0], 0, 0
	two := d.compression == compressionGroup4
	if d.compression == compressionGroup3 {
		if err := d.synchronise(); err != nil {
			return err
		}
		if d.options&faxTwoDimensions != 0 {
			if !d.need(1) {
				return io.ErrUnexpectedEOF
			}
			two = d.take(1) == 0
		}
	}
	var err error
	if two {
		err = d.line2D()
	} else {
		err = d.line1D()
	}
	if err == nil {
		err = d.cleanUp()
	}
	if err != nil {
		return err
	}
	if d.compression == compressionGroup4 && d.sawEnd {
		d.ended = true
	}
	d.paint(row)
	switch d.compression {
	case compressionRLE:
		d.skip(d.n % 8)
	case compressionRLEWords:
		d.skip(d.n % 8)
		if d.at%2 == 1 && d.n/8%2 == 0 || d.at%2 == 0 && d.n/8%2 == 1 {
			d.need(8)
			d.skip(min(8, d.n))
		}
	}
	if len(d.runs) < cap(d.runs) {
		d.runs = append(d.runs, 0) // an imaginary change, for the line below
	}
	d.runs, d.above = d.above, d.runs
	return nil
}

// synchronise advances past the end of the line above, and what lies before it. A block without
// any is read again from its start, as lines without ends.
func (d *faxDecoder) synchronise() error {
	if d.endless {
		return nil
	}
	for !d.sawEnd {
		if !d.need(11) {
			return io.ErrUnexpectedEOF
		}
		if d.peek(11) == 0 {
			break
		}
		d.skip(1)
	}
	for {
		if !d.need(8) {
			d.endless = true
			d.faxBits = faxBits{data: d.block, reversed: d.layout.reversed}
			return nil
		}
		if d.peek(8) != 0 {
			break
		}
		d.skip(8)
	}
	for d.take(1) == 0 {
	}
	d.sawEnd = false
	return nil
}

// add ends a run.
func (d *faxDecoder) add(n int32) error {
	if len(d.runs) == cap(d.runs) {
		return broken("a fax's line has too many runs")
	}
	d.runs = append(d.runs, d.part+n)
	d.a0 += n
	d.part = 0
	return nil
}

// run reads the codes of one run. It is false where there is another code: the line ends there.
func (d *faxDecoder) run(black bool) (bool, error) {
	table, width := d.tables.white[:], whiteBits
	if black {
		table, width = d.tables.black[:], blackBits
	}
	for {
		if !d.need(width) {
			return false, io.ErrUnexpectedEOF
		}
		c := table[d.peek(width)]
		d.skip(int(c.width))
		switch c.kind {
		case faxRun:
			return true, d.add(int32(c.value))
		case faxMakeUp:
			if d.a0 += int32(c.value); d.a0 < 0 {
				return false, broken("a fax's run is too long")
			}
			d.part += int32(c.value)
		case faxEndOfLine:
			d.sawEnd = true
			return false, nil
		default:
			return false, nil
		}
	}
}

func (d *faxDecoder) line1D() error {
	for {
		for _, black := range [...]bool{false, true} {
			if ok, err := d.run(black); !ok || err != nil {
				return err
			}
			if d.a0 >= int32(d.blockW) {
				return nil
			}
		}
		if n := len(d.runs); d.runs[n-1] == 0 && d.runs[n-2] == 0 {
			d.runs = d.runs[:n-2]
		}
	}
}

// cleanUp makes the runs as long as the line: what is missing is white.
func (d *faxDecoder) cleanUp() error {
	width := int32(d.blockW)
	if d.part != 0 {
		if err := d.add(0); err != nil {
			return err
		}
	}
	if d.a0 == width {
		return nil
	}
	for d.a0 > width && len(d.runs) > 0 {
		d.a0 -= d.runs[len(d.runs)-1]
		d.runs = d.runs[:len(d.runs)-1]
	}
	if d.a0 < width {
		d.a0 = max(0, d.a0)
		if len(d.runs)%2 == 1 {
			if err := d.add(0); err != nil {
				return err
			}
		}
		return d.add(width - d.a0)
	}
	if d.a0 > width {
		if err := d.add(width); err != nil {
			return err
		}
		return d.add(0)
	}
	return nil
}

// paint sets the bits of the black runs. Runs beyond the line are cut off.
func (d *faxDecoder) paint(row []byte) {
	clear(row)
	x, width := int32(0), int32(d.blockW)
	for i, run := range d.runs {
		if run > width-x || run < 0 {
			run = width - x
			d.runs[i] = run
		}
		if i%2 == 1 {
			setBits(row, int(x), int(x+run))
		}
		x += run
	}
}

// setBits sets the bits from..to.
func setBits(row []byte, from, to int) {
	if from >= to {
		return
	}
	first, last := byte(0xff)>>(from%8), ^(byte(0xff) >> (1 + (to-1)%8))
	a, b := from/8, (to-1)/8
	if a == b {
		row[a] |= first & last
		return
	}
	row[a] |= first
	for i := a + 1; i < b; i++ {
		row[i] = 0xff
	}
	row[b] |= last
}

// faxBits reads bits, the highest one of a byte first. Where the data ends within a code, zeros
// follow.
type faxBits struct {
	data     []byte
	reversed bool
	at       int
	have     uint64
	n        int // bits in have
}

// need buffers at least n bits. It is false if there are none at all.
func (b *faxBits) need(n int) bool {
	for b.n < n && b.at < len(b.data) {
		v := b.data[b.at]
		if b.reversed {
			v = bits.Reverse8(v)
		}
		b.have = b.have<<8 | uint64(v)
		b.at++
		b.n += 8
	}
	if b.n < n {
		if b.n == 0 {
			return false
		}
		b.have <<= n - b.n
		b.n = n
	}
	return true
}

func (b *faxBits) peek(n int) uint64 { return b.have >> (b.n - n) & (1<<n - 1) }

func (b *faxBits) skip(n int) { b.n -= n }

func (b *faxBits) take(n int) uint64 {
	v := b.peek(n)
	b.skip(n)
	return v
}
