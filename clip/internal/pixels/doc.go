// Package pixels converts the bytes of a picture into the numbers that a CLIP vision tower takes.
// They equal what Hugging Face's image processor produces with Pillow.
//
// A Processor is made from a preprocessor_config.json. Process detects a picture's format (JPEG,
// PNG, GIF, WebP, BMP or TIFF) by its first bytes, reads its size and refuses pictures that are too
// large before it allocates memory for them, decodes the first frame row by row, and resizes and
// crops it while it turns it upright. Normalise scales the result:
//
//	p, err := pixels.NewProcessor(config, pixels.Options{Memory: 512 << 20, AutoOrient: true})
//	height, width := p.Size()
//	rgb, tensor := make([]byte, 3*height*width), make([]float32, 3*height*width)
//	err = p.Process(ctx, holder, picture, rgb)
//	p.Normalise(rgb, tensor)
//
// The two are separate because a picture that waits for its run takes a quarter of the memory as
// bytes.
//
// Pixels are Pillow's, to the bit: its resizing, libjpeg's samples (package internal/jpeg), and
// libjpeg's and libwebp's colours with their smooth upsampling of chroma, which Go's decoders lack.
// Two differences from Pillow are intended: 16-bit grey is reduced to its high byte (Pillow makes
// nearly all of it white), and EXIF orientation is applied unless Options disable that.
//
// Decoding waits while all cores decode, or while the pictures being decoded would together take
// more memory than Options.Memory. The package fetches nothing, reads no file and keeps nothing of
// a picture.
package pixels
