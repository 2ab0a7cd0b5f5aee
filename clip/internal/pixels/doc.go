// Package pixels converts the bytes of a picture into the numbers that a CLIP vision tower takes.
// They equal what Hugging Face's image processor produces with Pillow.
//
// A Processor is made from a preprocessor_config.json, or from open_clip's preprocess_cfg.json.
// Process detects a picture's format by its first bytes (format.go lists those that are read,
// refused.go those that are refused by name), reads its size and refuses pictures that are too
// large before it allocates memory for them, decodes the first frame, row by row where its format
// allows it, and resizes and crops it while it turns it upright. Normalise scales the result:
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
// Pixels are those of Pillow 13, to the bit: its resizing, the decoders in the packages beside this
// one, and libjpeg's and libwebp's colours with their smooth upsampling of chroma, which Go's
// decoders lack. Intended differences are listed in docs/pictures.md, above all that 16-bit grey is
// reduced to its high byte (Pillow makes nearly all of it white). EXIF orientation is applied
// unless Options disable that.
//
// Decoding waits while all cores decode, or while the pictures being decoded would together take
// more memory than Options.Memory. The package fetches nothing, reads no file and keeps nothing of
// a picture.
package pixels
