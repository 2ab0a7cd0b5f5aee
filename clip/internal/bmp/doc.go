// Package bmp decodes Windows bitmaps, icons and cursors to exactly the pixels that Pillow shows.
//
//	p, err := bmp.Open(data)           // BMP, or a bitmap without a file header (DIB)
//	p, err := bmp.OpenCursor(data)     // the largest bitmap of a CUR
//	p, png, err := bmp.OpenIcon(data)  // the largest picture of an ICO: a bitmap or a PNG file
//
// It reads headers of 12, 40, 52, 56, 64, 108 and 124 bytes, pixels of 1, 4, 8, 16, 24 and 32
// bits, the bit fields that Pillow knows, RLE4 and RLE8, from the bottom or from the top. A row is
// decoded where it lies in the file, so that a picture of any size takes no memory; of a run-length
// encoded one the start of each row is kept.
//
// It never shows a file that is shorter than its pixels: that is io.ErrUnexpectedEOF.
package bmp
