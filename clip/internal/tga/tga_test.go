package tga

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"penstock/clip/internal/rows/rowstest"
)

// file returns a Targa without a map, of the given type, size, depth and flags.
func file(kind, width, height, depth, flags byte, data ...byte) []byte {
	return append([]byte{0, 0, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, width, 0, height, 0, depth, flags}, data...)
}

// readAll decodes a picture.
func readAll(data []byte) ([]byte, error) { return rowstest.ReadAll(Open(data)) }

// Packets of run lengths go on in the next rows, whichever is the first.
func TestPacketsAcrossRows(t *testing.T) {
	for name, data := range map[string][]byte{
		"a run":         {0x84, 7, 0, 9},
		"a literal":     {5, 7, 7, 7, 7, 7, 9},
		"a longer run":  {0x84, 7, 0x85, 9},
		"run, literal":  {0x81, 7, 3, 7, 7, 7, 9},
		"single pixels": {0x80, 7, 0x80, 7, 0, 7, 0, 7, 0x80, 7, 0x80, 9},
	} {
		for _, flags := range []byte{flagTop, 0} {
			want := []byte{7, 7, 7, 7, 7, 9}
			if flags == 0 {
				want = []byte{7, 9, 7, 7, 7, 7}
			}
			rgb, err := readAll(file(greys|runLength, 2, 3, 8, flags, data...))
			if err != nil {
				t.Fatal(name, err)
			}
			for i, v := range want {
				if rgb[3*i] != v {
					t.Errorf("%s, flags %#x: %v", name, flags, rgb)
					break
				}
			}
		}
	}
}

// A file that lacks a byte is refused as truncated.
func TestTruncated(t *testing.T) {
	withMap := slices.Concat([]byte{2, 1, 9, 1, 0, 2, 0, 24, 0, 0, 0, 0, 2, 0, 2, 0, 8, 0, 'i', 'd'}, make([]byte, 6), []byte{0x81, 1, 1, 1, 2})
	for _, data := range [][]byte{
		file(greys, 9, 2, 1, 0, 1, 2, 3, 4), file(colours, 1, 2, 24, flagTop, 1, 2, 3, 4, 5, 6), withMap,
		file(colours|runLength, 2, 2, 16, flagTop, 0x80, 1, 2, 2, 1, 2, 1, 2, 1, 2), file(greys|runLength, 2, 2, 8, 0, 0x83, 1),
	} {
		if _, err := readAll(data); err != nil {
			t.Fatal(err)
		}
		for n := range data {
			if _, err := readAll(data[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("of %d bytes %d: %v", len(data), n, err)
			}
		}
	}
}

// Headers that are none, though some are nearly. Files of other kinds begin with some of them.
func TestIs(t *testing.T) {
	usual := file(colours, 1, 1, 24, 0)
	change := func(at int, v byte) []byte {
		changed := bytes.Clone(usual)
		changed[at] = v
		return changed
	}
	for name, c := range map[string]struct {
		head []byte
		want bool
	}{
		"usual":                {usual, true},
		"an id":                {change(0, 200), true},
		"a depth of no map":    {change(7, 24), true},
		"an origin":            {change(9, 3), true},
		"top, right":           {change(17, 0x38), true},
		"a map of 256":         {[]byte{0, 1, 1, 0, 0, 0, 1, 24, 0, 0, 0, 0, 1, 0, 1, 0, 8, 0}, true},
		"a map beyond 256":     {[]byte{0, 1, 9, 1, 0, 0, 1, 24, 0, 0, 0, 0, 1, 0, 1, 0, 8, 0}, false},
		"an empty map":         {[]byte{0, 1, 9, 1, 0, 0, 0, 24, 0, 0, 0, 0, 1, 0, 1, 0, 8, 0}, false},
		"a map of 255":         {[]byte{0, 1, 9, 1, 0, 255, 0, 24, 0, 0, 0, 0, 1, 0, 1, 0, 8, 0}, true},
		"another map":          {change(1, 2), false},
		"another type":         {change(2, 4), false},
		"no type":              {change(2, 0), false},
		"a map that is not":    {change(5, 1), false},
		"no width":             {change(12, 0), false},
		"no height":            {change(14, 0), false},
		"another depth":        {change(16, 12), false},
		"interleaved":          {change(17, 0x40), false},
		"other attribute bits": {change(17, 5), false},
		"short":                {usual[:17], false},
		"an icon":              {[]byte("\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x18\x00\x68\x03\x00\x00"), false},
		"a cursor":             {[]byte("\x00\x00\x02\x00\x01\x00\x10\x10\x00\x00\x01\x00\x18\x00\x18\x20\x00\x00"), false},
		"a metafile":           {[]byte("\x01\x00\x09\x00\x00\x03\x00\x01\x00\x00\x01\x00\x18\x00\x18\x00\x18\x00"), false},
		"zeros":                {make([]byte, 1024), false},
	} {
		if got := Is(c.head); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The second field alone keeps text out, in UTF-16 too with the fourth; and of random bytes hardly
// any is a header even if its first fields are right.
func TestIsRarely(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	found := 0
	const tries = 1 << 20
	for range tries {
		var head [headerSize]byte
		for i := range head {
			head[i] = byte(rng.Uint32())
		}
		head[1], head[2] = byte(rng.Uint32())&1, byte(1+rng.Uint32()%3)
		if Is(head[:]) {
			found++
		}
	}
	if found > 2 {
		t.Errorf("%d of %d random headers are taken", found, tries)
	}
}

// Decoding allocates what the header has it count.
func TestMemory(t *testing.T) {
	for _, flags := range []byte{0, flagTop} {
		data := file(greys|runLength, 200, 200, 8, flags, bytes.Repeat([]byte{0xff, 7}, 400)...)
		data[13], data[15] = 1, 1 // 456 each
		data = append(data, bytes.Repeat([]byte{0xff, 7}, 1500)...)
		p, err := Open(data)
		if err != nil {
			t.Fatal(err)
		}
		rowstest.CheckMemory(t, p, 8<<10)
	}
}

func FuzzDecode(f *testing.F) {
	for _, flags := range []byte{0, flagTop, flagRight} {
		f.Add(file(greys|runLength, 2, 3, 8, flags, 0x81, 1, 0x84, 9))
		f.Add(file(colours|runLength, 2, 2, 32, flags, 0x81, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9))
		f.Add(file(greys, 9, 1, 1, flags, 1, 2))
		f.Add(file(colours, 1, 1, 16, flags, 1, 2))
		f.Add(append([]byte{1, 1, 1, 1, 0, 2, 0, 16, 0, 0, 0, 0, 2, 0, 1, 0, 8, flags, 'i'}, make([]byte, 6)...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Open(data)
		if err != nil || p.Width*p.Height > 1<<22 {
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
