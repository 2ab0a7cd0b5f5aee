package rows

import (
	"context"
	"math"
)

// A Picture is what the header of a file describes.
type Picture struct {
	Width, Height int
	Memory        int64 // bytes that decoding takes at most, beside the file and one row of RGB

	// Decode begins to decode. It is called once at most. Where it decodes more than a few rows
	// itself, it ends with the context's cause when that ends.
	Decode func(ctx context.Context) (Reader, error)
}

// A Reader fills rgb, 3*Width bytes, with the next row from the top; it is called once for each of
// the Height rows. The last call fails too if the file ends before what its format requires. An
// error that is or wraps io.ErrUnexpectedEOF is a truncated file, an UnsupportedError a valid kind
// of file that is not read, and any other one a malformed file.
type Reader func(rgb []byte) error

// An UnsupportedError names a feature of a valid file that is not read.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "unsupported: " + string(e) }

// Bytes is how many bytes width x height pixels of size bytes take. It saturates: an overflow must
// not make a picture look small.
func Bytes(width, height int, size int64) int64 {
	if height > 0 && size > 0 && int64(width) > math.MaxInt64/size/int64(height) {
		return math.MaxInt64
	}
	return int64(width) * int64(height) * size
}
