package netpbm

import (
	"errors"
	"io"
	"strings"
	"testing"

	"penstock/clip/internal/rows"
	"penstock/clip/internal/rows/rowstest"
)

// readAll decodes a picture.
func readAll(data []byte) ([]byte, error) { return rowstest.ReadAll(Open(data)) }

// Text becomes no picture because it begins with a P and a digit.
func TestIs(t *testing.T) {
	for data, want := range map[string]bool{
		"P6 1 1 255 abc": true,
		"P6\n# c\n#\n 1": true,
		"P4\n# " + strings.Repeat("a long comment ", 100): true,
		"P0CMYK1 1 255\n":     true,
		"PyRGBA 1":            true,
		"PyP 1 1 255\na":      true,
		"P7\nWIDTH 1":         false,
		"PF 1 1 1\n":          false,
		"P6":                  false,
		"P6\x00\x00\x00":      false,
		"P1 is the first one": false,
		"P61 1 1":             false,
		"Python 3":            false,
		"P":                   false,
		"":                    false,
	} {
		head := make([]byte, 1024)
		copy(head, data)
		if got := Is(head); got != want {
			t.Errorf("%q: %v", data, got)
		}
	}
}

func TestMalformed(t *testing.T) {
	for data, want := range map[string]error{
		"P6 1 1 255 ab":       io.ErrUnexpectedEOF,
		"P6 1 1 ":             io.ErrUnexpectedEOF,
		"P6 1 ":               io.ErrUnexpectedEOF,
		"P6 1 1 # comment":    io.ErrUnexpectedEOF,
		"P4 9 2 abc":          io.ErrUnexpectedEOF,
		"P1 3 2 1 1 1 0 1 #0": io.ErrUnexpectedEOF,
		"P2 2 2 9 1 2 3":      io.ErrUnexpectedEOF,
		"Pf 1 1 -1\nabc":      io.ErrUnexpectedEOF,
		"P5 1 1 256\na":       io.ErrUnexpectedEOF,
		"PyP 1 1 255\na":      rows.UnsupportedError("indices of a palette that is not there"),
		"P6 1 1 0 abc":        nil,
		"P6 1 1 65536 abcdef": nil,
		"P6 -1 1 255 abc":     nil,
		"P6 12345678901 1 1":  nil,
		"P6 1 1 255#c\nabc":   nil,
		"P2 1 1 9 10":         nil,
		"P2 1 1 9 x":          nil,
		"P2 1 1 9 -1":         nil,
		"P1 1 1 2":            nil,
		"Pf 1 1 0\nabcd":      nil,
		"Pf 1 1 nan\nabcd":    nil,
		"P7 1 1 1 ":           nil,
	} {
		if _, err := readAll([]byte(data)); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

// A picture whose every proper part is too short: each is refused, as truncated where the header
// could be read.
func TestTruncated(t *testing.T) {
	for _, data := range []string{"P4\n9 2\nabcd", "P5 2 2 255\nabcd", "P6 1 2 1000\nabcdefghijkl", "Pf 1 2 -1.0\nabcdefgh", "P0CMYK 1 2 9\nabcdefgh", "P1 3 2 101010"} {
		if _, err := readAll([]byte(data)); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		for n := range len(data) {
			if _, err := readAll([]byte(data[:n])); err == nil || n > 12 && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q: %v", data[:n], err)
			}
		}
	}
}

// Decoding allocates what the header has it count.
func TestMemory(t *testing.T) {
	for _, data := range []string{"P6 10000 2 65535\n" + strings.Repeat("a", 120000), "P2 4000 2 60000\n" + strings.Repeat("7 ", 8000)} {
		p, err := Open([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		rowstest.CheckMemory(t, p, 16<<10)
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range []string{
		"P1 3 2 101 010", "P2 2 1 9 # c\n1 2", "P3 1 1 999 1 2 3", "P4 3 2 ab", "P5 2 1 255\nab", "P5 2 1 999\nabcd",
		"P6 1 1 7\nabc", "Pf 1 1 -1.0\nabcd", "P0CMYK 1 1 255\nabcd", "PyRGBA1 1 255\nabcd", "PyP 1 1 255\na",
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Open(data)
		if err != nil || p.Memory > 16<<20 || p.Width > 1<<20 || p.Height > 1<<20 {
			return
		}
		read, err := p.Decode(t.Context())
		rgb := make([]byte, 3*p.Width)
		for range p.Height {
			if err == nil {
				err = read(rgb)
			}
		}
	})
}
