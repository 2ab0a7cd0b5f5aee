// Package jpeg decodes JPEG pictures to exactly the samples that libjpeg produces. Go's image/jpeg
// does not: its inverse cosine transform rounds differently, and that is visible in a CLIP model's
// logits.
//
//	p, err := jpeg.Open(data)        // reads the headers: size, colours, EXIF data, memory
//	memory := make([]byte, p.Samples())
//	planes, err := p.Decode(ctx, memory)  // one for each component, chroma not upsampled
//	for y := range p.Height {
//		err = p.Reach(y)         // the planes have the samples of row y
//	}
//
// Of a sequential picture with one scan, as nearly all are, the planes hold a few rows only.
// It reads 8-bit Huffman-coded pictures, sequential or progressive, of one, three or four
// components, which nearly all pictures are. Unsupported features are an UnsupportedError, data
// that ends too early is io.ErrUnexpectedEOF, and any other error means that the data is invalid.
// Upsampling and conversion of colours are left to the caller.
package jpeg
