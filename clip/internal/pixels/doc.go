// Package pixels turns the bytes of a picture into the numbers a CLIP vision tower takes, equal to what Hugging Face's
// image processor and Pillow make of them.
//
// A Processor is made from a preprocessor_config.json. Process looks at a picture's first bytes to know what it is (JPEG,
// PNG, GIF, WebP, BMP or TIFF), reads its size and refuses what is too large before any memory is spent on it, decodes
// the first frame, turns it upright, resizes and crops; Normalise scales what came of that:
//
//	p, err := pixels.NewProcessor(config, pixels.Options{Memory: 512 << 20, AutoOrient: true})
//	height, width := p.Size()
//	rgb, tensor := make([]byte, 3*height*width), make([]float32, 3*height*width)
//	err = p.Process(ctx, picture, rgb)
//	p.Normalise(rgb, tensor)
//
// The two are apart because a picture that waits for its turn is four times smaller as bytes.
//
// Pixels are Pillow's, to the bit: its resizing, libjpeg's samples (package internal/jpeg), and libjpeg's and libwebp's
// colours with their smooth upsampling of chroma, which Go's decoders leave out. Differences from Pillow that are wanted:
// 16-bit grey is reduced to its high byte (Pillow turns nearly all of it white), and EXIF orientation is applied unless
// Options say otherwise.
//
// Decoding waits while the pictures being decoded would together take more memory than Options.Memory. The package
// fetches nothing, reads no file and keeps nothing of a picture.
package pixels
