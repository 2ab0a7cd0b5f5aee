// Package jpeg decodes JPEG pictures to the very samples that libjpeg decodes them to, which Go's image/jpeg doesn't: its
// inverse cosine transform rounds otherwise, and in a CLIP model's logits that shows.
//
//	p, err := jpeg.Open(data)              // reads the headers: size, colours, EXIF data, what decoding will cost
//	memory := make([]byte, p.Samples())
//	planes, err := p.Decode(memory)        // one for each component, as they are stored, chroma not upsampled
//
// It reads 8-bit Huffman-coded pictures, sequential or progressive, of one, three or four components: all but everything
// there is. What is not read is an UnsupportedError; what ends too early is io.ErrUnexpectedEOF; all else is broken.
// Upsampling and colours are left to the caller.
package jpeg
