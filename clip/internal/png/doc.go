// Package png decodes PNG pictures row by row: a picture without interlace takes the memory of two
// of its rows and of the inflater, however large it is. Go's image/png holds all of it.
//
//	p, err := png.Open(data)   // reads the header: size and memory
//	read, err := p.Decode(ctx)
//	rgb := make([]byte, 3*p.Width)
//	for range p.Height {
//		err = read(rgb)
//	}
//
// It reads every colour type and depth; of 16-bit samples it keeps the high byte. An interlaced
// picture is decoded whole, into one byte for each pixel of greys or a palette and three of others.
// Of an animation the picture that viewers without animations show is read.
//
// A file must be whole, with its IEND chunk. The checksum of each chunk up to the image data is
// verified, that of the inflated data, and behind it those of the chunks that are critical. As
// libpng does, it tolerates image data beyond the last row, which is not inflated. Text, EXIF and
// colour profiles are left to the caller.
package png
