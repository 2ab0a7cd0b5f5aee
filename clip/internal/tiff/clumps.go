package tiff

// A clumpDecoder reads YCbCr whose pixels share chroma samples: the luma samples of a rectangle of
// pixels lie before the two chroma samples that these share. It makes rows of whole pixels.
type clumpDecoder struct {
	*byteDecoder
	clumps []byte // a row of them
	y      int    // of the next row in it; 0 if it is not yet read
}

// clumpBytes is the size of a row of clumps.
func (l *layout) clumpBytes() int {
	return (l.blockW + l.halfX - 1) / l.halfX * (l.halfX*l.halfY + 2)
}

func (d *clumpDecoder) start(block []byte, count int) error {
	d.y = 0
	return d.byteDecoder.start(block, count)
}

func (d *clumpDecoder) row(row []byte) error {
	if d.y == 0 {
		if err := d.byteDecoder.row(d.clumps); err != nil {
			return err
		}
	}
	luma := d.halfX * d.halfY
	for x := range len(row) / 3 {
		clump := d.clumps[x/d.halfX*(luma+2):]
		row[3*x] = clump[d.y*d.halfX+x%d.halfX]
		row[3*x+1], row[3*x+2] = clump[luma], clump[luma+1]
	}
	d.y = (d.y + 1) % d.halfY
	return nil
}
