// Package rowstest has what the tests of picture decoders have in common. It is for tests only.
package rowstest

import (
	"context"
	"runtime"
	"testing"

	"penstock/clip/internal/rows"
)

// ReadAll decodes a picture: it takes what a decoder's Open returns, and returns all rows.
func ReadAll(p rows.Picture, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	read, err := p.Decode(context.Background())
	if err != nil {
		return nil, err
	}
	rgb := make([]byte, 3*p.Width*p.Height)
	for y := range p.Height {
		if err := read(rgb[3*y*p.Width : 3*(y+1)*p.Width]); err != nil {
			return nil, err
		}
	}
	return rgb, nil
}

// CheckMemory fails the test if decoding a picture allocates more than its Memory and rounding
// bytes.
func CheckMemory(t *testing.T, p rows.Picture, rounding int64) {
	t.Helper()
	rgb := make([]byte, 3*p.Width)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read, err := p.Decode(t.Context())
	for range p.Height {
		if err == nil {
			err = read(rgb)
		}
	}
	runtime.ReadMemStats(&after)
	if took := int64(after.TotalAlloc - before.TotalAlloc); err != nil || took > p.Memory+rounding {
		t.Errorf("%d bytes were allocated, %d counted: %v", took, p.Memory, err)
	}
}
