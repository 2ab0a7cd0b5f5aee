package tiff

import "io"

// advance moves b1 to the first change of the line above that is beyond a0 and to the same colour.
func (d *faxDecoder) advance() error {
	if len(d.runs) == 0 {
		return nil
	}
	for d.b1 <= d.a0 && d.b1 < int32(d.blockW) {
		if err := d.changes(2); err != nil {
			return err
		}
	}
	return nil
}

// changes moves b1 over n runs of the line above. Those after its last one have no length.
func (d *faxDecoder) changes(n int) error {
	for range n {
		if d.next >= cap(d.above) {
			return broken("a fax's line refers beyond the one above")
		}
		if d.next < len(d.above) {
			d.b1 += d.above[d.next]
		}
		d.next++
	}
	return nil
}

// line2D decodes a line by its differences to the one above.
func (d *faxDecoder) line2D() error {
	d.b1, d.next = d.above[0], 1
	width := int32(d.blockW)
	for d.a0 < width {
		if len(d.runs) == cap(d.runs) {
			return broken("a fax's line has too many runs")
		}
		if !d.need(modeBits) {
			return io.ErrUnexpectedEOF
		}
		c := d.tables.mode[d.peek(modeBits)]
		d.skip(int(c.width))
		ends, err := d.mode(c)
		if ends || err != nil {
			return err
		}
	}
	if d.part == 0 {
		return nil
	}
	if d.part+d.a0 < width { // a last change should follow
		if !d.need(1) {
			return io.ErrUnexpectedEOF
		}
		if d.peek(1) == 0 {
			return nil
		}
		d.skip(1)
	}
	return d.add(0)
}

// mode decodes what follows a mode's code. The line ends where it is damaged.
func (d *faxDecoder) mode(c faxCode) (ends bool, err error) {
	switch c.kind { //nolint:exhaustive // the others end the line
	case faxPass:
		if err := d.advance(); err != nil {
			return false, err
		}
		if err := d.changes(1); err != nil {
			return false, err
		}
		d.part += d.b1 - d.a0
		d.a0 = d.b1
		return false, d.changes(1)
	case faxHorizontal:
		black := len(d.runs)%2 == 1
		for _, colour := range [...]bool{black, !black} {
			if ok, err := d.run(colour); !ok || err != nil {
				d.sawEnd = false // as libtiff has it: here it is a damage
				return true, err
			}
		}
		return false, d.advance()
	case faxVertical:
		if err := d.advance(); err != nil {
			return false, err
		}
		if c.value < 0 && d.b1 < d.a0-int32(c.value) {
			return true, nil
		}
		if err := d.add(d.b1 - d.a0 + int32(c.value)); err != nil {
			return false, err
		}
		if c.value >= 0 {
			return false, d.changes(1)
		}
		d.next--
		if d.next < len(d.above) {
			d.b1 -= d.above[d.next]
		}
		return false, nil
	case faxEndOfLine:
		d.runs = append(d.runs, int32(d.blockW)-d.a0)
		if !d.need(4) {
			return true, io.ErrUnexpectedEOF
		}
		d.skip(4)
		d.sawEnd = true
		return true, nil
	case faxExtension:
		if d.options&faxUncompressed != 0 {
			return true, unsupported("a fax in uncompressed mode")
		}
		d.runs = append(d.runs, int32(d.blockW)-d.a0) // it is a damage
		return true, nil
	}
	return true, nil
}
