package png

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	stdpng "image/png"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/klauspost/compress/zlib"

	"penstock/clip/internal/rows"
	"penstock/clip/internal/rows/rowstest"
)

// part returns a chunk.
func part(kind string, body []byte) []byte {
	p := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	p = append(append(p, kind...), body...)
	return binary.BigEndian.AppendUint32(p, crc32.ChecksumIEEE(p[4:]))
}

// file returns a PNG of the given image data before compression, in IDAT chunks of size bytes.
func file(tb testing.TB, head, samples []byte, size int, more ...[]byte) []byte {
	tb.Helper()
	var data bytes.Buffer
	w := zlib.NewWriter(&data)
	if _, err := w.Write(samples); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	all := append([]byte(signature), part("IHDR", head)...)
	for _, m := range more {
		all = append(all, m...)
	}
	for data.Len() > 0 {
		all = append(all, part("IDAT", data.Next(size))...)
	}
	return append(all, part("IEND", nil)...)
}

// headOf returns the body of a header.
func headOf(width, height uint32, depth, colour, interlace byte) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	return append(head, depth, colour, 0, 0, interlace)
}

// readAll decodes a picture.
func readAll(data []byte) ([]byte, error) { return rowstest.ReadAll(Open(data)) }

// random returns samples in rows, each with one of the filters in turn.
func random(width, height, pixelBits int) []byte {
	rng := rand.New(rand.NewPCG(uint64(width), uint64(height)))
	row := 1 + (width*pixelBits+7)/8
	samples := make([]byte, row*height)
	for i := range samples {
		if samples[i] = byte(rng.Uint32()); i%row == 0 {
			samples[i] = byte(i / row % 5)
		}
	}
	return samples
}

// Rows equal those of image/png, whatever the type, depth, filter and size of chunks.
func TestRowsEqualGo(t *testing.T) {
	for colour, allowed := range depths {
		for _, depth := range []byte(allowed) {
			for _, width := range []uint32{1, 2, 3, 7, 8, 9, 33} {
				colours := part("PLTE", random(1<<min(8, depth), 3, 8)[:3<<min(8, depth)])
				samples := random(int(width), 12, int(depth)*max(1, [7]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]))
				var more [][]byte
				if colour == indices {
					more = append(more, colours)
				}
				data := file(t, headOf(width, 12, depth, byte(colour), 0), samples, 7, more...)
				got, err := readAll(data)
				if err != nil {
					t.Fatal(colour, depth, width, err)
				}
				m, err := stdpng.Decode(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, rgbOf(m)) {
					t.Errorf("colour %d, depth %d, width %d: other pixels", colour, depth, width)
				}
			}
		}
	}
}

// rgbOf returns the high bytes of a picture's colours, without alpha.
func rgbOf(m image.Image) []byte {
	var rgb []byte
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			switch m := m.(type) {
			case *image.NRGBA:
				c := m.NRGBAAt(x, y)
				rgb = append(rgb, c.R, c.G, c.B)
			case *image.NRGBA64:
				c := m.NRGBA64At(x, y)
				rgb = append(rgb, byte(c.R>>8), byte(c.G>>8), byte(c.B>>8))
			default:
				r, g, b, _ := m.At(x, y).RGBA()
				rgb = append(rgb, byte(r>>8), byte(g>>8), byte(b>>8))
			}
		}
	}
	return rgb
}

func TestPaeth(t *testing.T) {
	abs := func(v int32) int32 { return max(v, -v) }
	for a := range int32(256) {
		for b := range int32(256) {
			for c := range int32(256) {
				want, p := c, a+b-c
				if pa, pb, pc := abs(p-a), abs(p-b), abs(p-c); pa <= pb && pa <= pc {
					want = a
				} else if pb <= pc {
					want = b
				}
				if got := paeth(a, b, c); got != want {
					t.Fatalf("of %d, %d and %d it is %d, not %d", a, b, c, got, want)
				}
			}
		}
	}
}

// A file that ends anywhere before its end is refused as truncated.
func TestTruncated(t *testing.T) {
	for _, interlace := range []byte{0, 1} {
		samples := random(5, 6, 24)
		if interlace == 1 {
			samples = make([]byte, 15+3*5*6) // a filter for each of the rows of its passes
		}
		data := file(t, headOf(5, 6, 8, 2, interlace), samples, 40, part("tEXt", []byte("a\x00b")))
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

func TestChecksums(t *testing.T) {
	samples := random(5, 6, 24)
	text := part("tEXt", []byte("a\x00b"))
	data := file(t, headOf(5, 6, 8, 2, 0), samples, 40, text)
	end := len(data) - 12
	// Any byte before the image data's end is covered by a checksum or is the length of a chunk.
	for i := len(signature); i < len(data); i++ {
		changed := bytes.Clone(data)
		changed[i] ^= 0x10
		if _, err := readAll(changed); err == nil && i >= 8 {
			t.Errorf("byte %d of %d may change", i, len(data))
		}
	}
	// Behind the image data only critical chunks are verified, as a decoder needs no other.
	broken := bytes.Clone(text)
	broken[len(broken)-1]++
	if _, err := readAll(append(append(bytes.Clone(data[:end]), broken...), data[end:]...)); err != nil {
		t.Error(err)
	}
	unknown := part("teXt", nil)
	unknown[4] = 'T'
	if _, err := readAll(append(append(bytes.Clone(data[:end]), unknown...), data[end:]...)); !errors.Is(err, errChecksum) {
		t.Error(err)
	}
	// The sum of the inflated data counts too, with the chunk's own corrected.
	at := bytes.LastIndex(data, []byte("IDAT"))
	body := bytes.Clone(data[at+4 : end-4])
	body[len(body)-1]++
	if _, err := readAll(append(append(bytes.Clone(data[:at-4]), part("IDAT", body)...), data[end:]...)); err == nil {
		t.Error("the sum of the inflated data is not verified")
	}
}

// What a file may have too little or too much of.
func TestForms(t *testing.T) {
	head, samples := headOf(5, 6, 8, 3, 0), random(5, 6, 8)
	for name, c := range map[string]struct {
		data      []byte
		want      error // nil: any
		tolerated bool
	}{
		"no palette":          {file(t, head, samples, 99), nil, false},
		"an empty palette":    {file(t, head, samples, 99, part("PLTE", nil)), nil, false},
		"a long palette":      {file(t, head, samples, 99, part("PLTE", make([]byte, 771))), nil, false},
		"a part of a colour":  {file(t, head, samples, 99, part("PLTE", make([]byte, 7))), nil, false},
		"more rows":           {file(t, head, append(bytes.Clone(samples), 1, 2, 3), 99, part("PLTE", make([]byte, 768))), nil, true},
		"an empty chunk":      {file(t, head, samples, 99, part("PLTE", make([]byte, 768)), part("IDAT", nil)), nil, true},
		"fewer rows":          {file(t, head, samples[:30], 99, part("PLTE", make([]byte, 768))), io.ErrUnexpectedEOF, false},
		"another filter":      {file(t, head, bytes.Repeat([]byte{5}, 36), 99, part("PLTE", make([]byte, 768))), nil, false},
		"a palette of greys":  {file(t, headOf(5, 6, 8, 0, 0), samples, 99, part("PLTE", make([]byte, 6))), nil, true},
		"more colours":        {file(t, headOf(5, 6, 1, 3, 0), random(5, 6, 1), 99, part("PLTE", make([]byte, 9))), nil, true},
		"no image data":       {append([]byte(signature), append(part("IHDR", head), part("IEND", nil)...)...), nil, false},
		"two headers":         {file(t, head, samples, 99, part("IHDR", head)), nil, false},
		"no pixels":           {file(t, headOf(0, 6, 8, 0, 0), nil, 99), nil, false},
		"another type":        {file(t, headOf(5, 6, 8, 1, 0), nil, 99), rows.UnsupportedError("colour type and depth"), false},
		"type 7":              {file(t, headOf(5, 6, 8, 7, 0), nil, 99), rows.UnsupportedError("colour type"), false},
		"a depth of 3":        {file(t, headOf(5, 6, 3, 0, 0), nil, 99), rows.UnsupportedError("colour type and depth"), false},
		"another interlace":   {file(t, headOf(5, 6, 8, 0, 2), nil, 99), rows.UnsupportedError("another compression, filter or interlace"), false},
		"another compression": {file(t, append(headOf(5, 6, 8, 0, 0)[:10], 1, 0, 0), nil, 99), rows.UnsupportedError("another compression, filter or interlace"), false},
	} {
		_, err := readAll(c.data)
		if (err == nil) != c.tolerated || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Decoding allocates what its header has it count and no more, whatever the image data inflates to.
func TestMemory(t *testing.T) {
	huge := file(t, headOf(10, 10, 8, 0, 0), make([]byte, 64<<20), 1<<20)
	wide := file(t, headOf(20000, 2, 16, 6, 0), make([]byte, 2*(1+8*20000)), 1<<20)
	tall := file(t, headOf(300, 3000, 1, 0, 1), make([]byte, 1<<20), 1<<20)
	for name, data := range map[string][]byte{"huge": huge, "wide": wide, "tall": tall} {
		t.Run(name, func(t *testing.T) {
			p, err := Open(data)
			if err != nil {
				t.Fatal(err)
			}
			rowstest.CheckMemory(t, p, 0)
		})
	}
}

func FuzzDecode(f *testing.F) {
	for colour, allowed := range depths {
		for _, depth := range []byte(allowed) {
			for interlace := range byte(2) {
				f.Add(file(f, headOf(5, 6, depth, byte(colour), interlace), random(40, 20, 64), 40, part("PLTE", make([]byte, 6))))
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Open(data)
		if err != nil || p.Memory > 16<<20 || p.Width*p.Height > 1<<22 {
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

// BenchmarkDecode decodes a photo, as this package does and as Go does.
func BenchmarkDecode(b *testing.B) {
	data, err := os.ReadFile("../../testdata/photos/cat_chelsea.png")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("rows", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p, err := Open(data)
			if err != nil {
				b.Fatal(err)
			}
			read, err := p.Decode(b.Context())
			rgb := make([]byte, 3*p.Width)
			for range p.Height {
				if err == nil {
					err = read(rgb)
				}
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := stdpng.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
