// Package netpbm decodes the pictures of Netpbm row by row: PBM, PGM and PPM, in their binary and
// plain forms, with any maximum value, and what else Pillow reads with them: PFM in greys, and its
// own P0CMYK, PyCMYK and PyRGBA.
//
//	if netpbm.Is(data) {
//		p, err := netpbm.Open(data)   // reads the header: size and memory
//		read, err := p.Decode(ctx)
//		rgb := make([]byte, 3*p.Width)
//		for range p.Height {
//			err = read(rgb)
//		}
//	}
//
// Values are scaled to 255 and rounded as Pillow does. Greys of more than a byte are scaled to
// 65535, and their high byte is used. Comments may be anywhere in a header and between plain
// values. What follows the picture is not read.
package netpbm
