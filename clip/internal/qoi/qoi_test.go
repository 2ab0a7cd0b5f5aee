package qoi

import (
	"context"
	"errors"
	"io"
	"testing"
)

const head = "qoif\x00\x00\x00\x05\x00\x00\x00\x02\x04\x00"

// Every operation once: ten pixels of a picture of five by two.
const operations = "\xfe\x10\x20\x30" + "\xff\x40\x50\x60\x70" + "\x7b" + "\xb4\x9c" + "\xc4" + "\x35"

func decode(data []byte) (rgb []byte, err error) {
	p, err := Open(data)
	if err != nil {
		return nil, err
	}
	const most = 1 << 16
	if p.Width > most || p.Height > most/max(1, p.Width) {
		return nil, nil
	}
	next, err := p.Decode(context.Background())
	if err != nil {
		return nil, err
	}
	row := make([]byte, 3*p.Width)
	for range p.Height {
		if err := next(row); err != nil {
			return nil, err
		}
		rgb = append(rgb, row...)
	}
	return rgb, nil
}

// A file that ends before its last pixel is truncated, wherever that is.
func TestTruncation(t *testing.T) {
	file := head + operations
	if rgb, err := decode([]byte(file)); len(rgb) != 30 || err != nil {
		t.Fatalf("%d bytes, %v", len(rgb), err)
	}
	for n := range file {
		if _, err := decode([]byte(file[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of the file: %v", n, err)
		}
	}
}

func TestBadHeader(t *testing.T) {
	for _, file := range []string{"qoi_" + head[4:], "qoif\x80\x00\x00\x00\x00\x00\x00\x01\x03\x00", "qoif\x00\x00\x00\x01\xff\xff\xff\xff\x03\x00"} {
		if _, err := Open([]byte(file)); !errors.Is(err, errHeader) {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(head + operations))
	f.Fuzz(func(t *testing.T, data []byte) {
		rgb, err := decode(data)
		// One byte makes 62 pixels at most.
		if err == nil && len(rgb) > 62*3*len(data) {
			t.Errorf("%d bytes from %d", len(rgb), len(data))
		}
	})
}
