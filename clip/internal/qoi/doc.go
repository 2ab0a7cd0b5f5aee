// Package qoi decodes QOI, the Quite OK Image format, row by row.
//
//	p, err := qoi.Open(data)
//	next, err := p.Decode(ctx)
//	row := make([]byte, 3*p.Width)
//	for range p.Height {
//		err = next(row)
//	}
//
// Pixels are those Pillow shows: alpha is dropped, and the channel for the colour space is ignored.
// A file that ends before its last pixel is refused. What follows the last pixel is not examined,
// the end marker included, as Pillow does not read it either.
package qoi
