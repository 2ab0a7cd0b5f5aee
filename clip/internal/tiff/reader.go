package tiff

import (
	"context"
	"io"
	"runtime"

	"penstock/clip/internal/rows"
)

// A reader assembles rows from strips or tiles. Where a strip, or a tile, spans the picture's
// width, it is decoded row by row, with one decoder for each plane. Else one row of tiles is
// decoded into a band.
type reader struct {
	*layout
	converter
	codec  codec
	data   []byte
	left   int64     // how many bytes strips and tiles may have yet
	lanes  []decoder // one for each plane; one alone if there is a band
	y      int
	planes [][]byte // a row of each plane
	pixels []byte   // a row of whole pixels
	band   []byte   // the rows of one row of tiles, plane after plane
	tile   []byte   // a row of a tile
}

func (r *reader) planeCount() int {
	if r.planar {
		return r.samples
	}
	return 1
}

// banded reports whether there are several tiles in a row.
func (r *reader) banded() bool { return r.across > 1 }

func (r *reader) bandSize() int64 {
	if !r.banded() {
		return 0
	}
	return rows.Bytes(r.planeCount()*min(r.blockH, r.height), r.rowBytes(r.width, r.stored()), 1)
}

// memory is how many bytes decoding takes.
func (r *reader) memory() int64 {
	decoders := int64(r.planeCount())
	if r.banded() {
		decoders = 1
	}
	row := int64(r.rowBytes(r.across*r.blockW, r.samples))
	return decoders*r.codec.memory() + r.bandSize() + 2*row + r.converter.memory
}

func (r *reader) open(context.Context) (rows.Reader, error) {
	// Strips may share bytes, to be decoded again and again. All of them together may have as many
	// as the file and the picture, decoded, have.
	r.left = int64(len(r.data)) + rows.Bytes(r.width, r.height, 4*int64(r.samples)) + 1<<20
	lanes := r.planeCount()
	if r.banded() {
		r.band = make([]byte, r.bandSize())
		lanes = 1
	}
	for range lanes {
		d, err := r.codec.decoder()
		if err != nil {
			return nil, err
		}
		r.lanes = append(r.lanes, d)
	}
	r.tile = make([]byte, r.rowBytes(r.blockW, r.stored()))
	r.planes = make([][]byte, r.planeCount())
	for i := range r.planes {
		r.planes[i] = make([]byte, len(r.tile))
	}
	if r.planar {
		r.pixels = make([]byte, r.rowBytes(r.width, r.samples))
	}
	convert := r.converter.begin()
	return func(rgb []byte) error {
		if err := r.next(); err != nil {
			return err
		}
		row := r.planes[0]
		if r.planar {
			row = r.interleaved()
		}
		convert(row, rgb)
		r.y++
		return nil
	}, nil
}

// next reads the next row into planes.
func (r *reader) next() error {
	if r.y%8 == 0 {
		// Else goroutines that return from C, or were preempted, wait long in Go's scheduler.
		runtime.Gosched()
	}
	start := r.y%r.blockH == 0
	if r.banded() {
		if start {
			if err := r.fillBand(); err != nil {
				return err
			}
		}
		size, height := r.rowBytes(r.width, r.stored()), min(r.blockH, r.height)
		for i := range r.planes {
			r.planes[i] = r.band[(i*height+r.y%r.blockH)*size:][:size]
		}
		return nil
	}
	for i, lane := range r.lanes {
		if start {
			if err := r.begin(lane, i*r.down+r.y/r.blockH); err != nil {
				return err
			}
		}
		if err := lane.row(r.planes[i]); err != nil {
			return err
		}
	}
	return nil
}

// fillBand decodes a row of tiles.
func (r *reader) fillBand() error {
	size, height := r.rowBytes(r.width, r.stored()), min(r.blockH, r.height)
	used := min(r.blockH, r.height-r.y)
	for plane := range r.planeCount() {
		for x := range r.across {
			runtime.Gosched()
			if err := r.begin(r.lanes[0], (plane*r.down+r.y/r.blockH)*r.across+x); err != nil {
				return err
			}
			for y := range used {
				if err := r.lanes[0].row(r.tile); err != nil {
					return err
				}
				row := r.band[(plane*height+y)*size:][:size]
				copy(row[x*len(r.tile):], r.tile)
			}
		}
	}
	return nil
}

// begin starts to decode strip or tile i. Rows that are not compressed need no size.
func (r *reader) begin(d decoder, i int) error {
	at, size := r.offsets.at(i), r.sizeField.at(i)
	if at < 0 {
		return errNumber
	}
	if at > int64(len(r.data)) {
		return io.ErrUnexpectedEOF
	}
	block := r.data[at:]
	if r.compression != compressionNone {
		if size >= 0 && size < int64(len(block)) {
			block = block[:size]
		} else if size > int64(len(block)) {
			return io.ErrUnexpectedEOF
		}
		if r.left -= int64(len(block)); r.left < 0 {
			return broken("its strips share their bytes too often")
		}
	}
	rowsLeft := min(r.blockH, r.height-r.y)
	return d.start(block, rowsLeft)
}

// interleaved makes pixels of a row of each plane.
func (r *reader) interleaved() []byte {
	size := r.bits / 8
	step := size * r.samples
	for i, plane := range r.planes {
		out := r.pixels[i*size:]
		for x := range r.width {
			copy(out[x*step:x*step+size], plane[x*size:])
		}
	}
	return r.pixels
}
