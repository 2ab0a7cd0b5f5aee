// Package tiff decodes the first picture of a TIFF file row by row: what scanners, printers, faxes
// and cameras write, as Pillow and libtiff read it.
//
//	p, err := tiff.Open(data, colours) // reads the directory: size, orientation, memory
//	next, err := p.Decode(ctx)
//	err = next(rgb)            // one row, 3*Width bytes, from the top
//
// It reads classic and BigTIFF in both orders of bytes, strips and tiles, interleaved and in
// planes: bilevel pictures, grey of 2 to 32 bits and in floating point, RGB, palettes, CMYK, YCbCr
// and CIELab, with further samples. Strips stream, so a picture takes the memory of a few rows;
// tiles take that of one row of tiles. Samples of 16 bits are reduced to their high byte.
//
// What is valid and not read is a rows.UnsupportedError. The package reads no page but the first,
// applies no orientation and no colour profile.
package tiff
