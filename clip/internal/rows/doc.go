// Package rows holds what the decoders of pictures have in common: a picture is decoded row by row,
// so that one of hundreds of megapixels takes the memory of a few of its rows.
//
// A decoder's Open reads a picture's header and returns a Picture; nothing is decoded before its
// Decode is called. Rows are RGB, 8 bits a sample, as Pillow's convert("RGB") makes them: alpha is
// dropped and the colours beneath it are kept.
//
// The package decodes nothing itself.
package rows
