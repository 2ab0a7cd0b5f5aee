// Package tga decodes Targa pictures row by row: colour-mapped ones, true colours of 16, 24 and 32
// bits, greys of 1 and 8 bits and of 8 with alpha, plain or with run lengths, from any corner.
//
//	if tga.Is(data) {
//		p, err := tga.Open(data)   // reads the header: size and memory
//		read, err := p.Decode(ctx)
//		rgb := make([]byte, 3*p.Width)
//		for range p.Height {
//			err = read(rgb)
//		}
//	}
//
// A file whose last row comes first is read from its end; with run lengths, where each row begins
// is noted before, in 16 bytes. As in Pillow a colour map applies to greys too. Packets that
// continue in the next row are read although Pillow refuses some, and a colour map beside true
// colours is skipped.
//
// Targa has no magic number. Is wants every field of the header to make sense: random bytes do with
// a probability of 2^-48, and no text does.
package tga
