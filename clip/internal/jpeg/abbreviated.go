package jpeg

// Tables are what a stream without a picture sets up for the pictures that refer to it, as TIFF has
// them: the standard's "abbreviated format for table-specification data".
type Tables struct {
	quant   [4]*[64]int32
	huffman [2][4]*huffman
	restart int
}

// ReadTables reads a stream of tables.
func ReadTables(data []byte) (*Tables, error) {
	if len(data) < 2 || data[0] != 0xff || data[1] != soi {
		return nil, broken("the tables do not begin as a picture does")
	}
	p := &Picture{data: data, at: 2}
	for p.at < len(data) {
		marker, body, err := p.next()
		switch {
		case err != nil:
			return nil, err
		case marker == eoi:
			return &Tables{p.quant, p.huffman, p.restart}, nil
		case marker == sos || marker >= sof0 && marker < app0 && marker != dht && marker != dqt && marker != dri && marker != dac:
			return nil, broken("there is a picture among the tables")
		}
		if err := p.table(marker, body); err != nil {
			return nil, err
		}
	}
	return &Tables{p.quant, p.huffman, p.restart}, nil
}

// Components is how many components the picture has.
func (p *Picture) Components() int { return len(p.components) }
