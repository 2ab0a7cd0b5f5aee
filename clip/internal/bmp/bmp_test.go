package bmp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"penstock/clip/internal/rows"
)

// That the pixels are Pillow's is tested in package pixels, which has Pillow's results.

// bitmapOf is a BMP of indices with a palette.
func bitmapOf(width, height, bits, compression int, colours [][3]byte, data []byte) []byte {
	file := append([]byte("BM"), make([]byte, fileHeader-2)...)
	file = binary.LittleEndian.AppendUint32(file, 40)
	file = binary.LittleEndian.AppendUint32(file, uint32(width))
	file = binary.LittleEndian.AppendUint32(file, uint32(height))
	file = binary.LittleEndian.AppendUint16(file, 1)
	file = binary.LittleEndian.AppendUint16(file, uint16(bits))
	file = binary.LittleEndian.AppendUint32(file, uint32(compression))
	file = append(file, make([]byte, 12)...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(colours)))
	file = append(file, make([]byte, 4)...)
	for _, c := range colours {
		file = append(file, c[2], c[1], c[0], 0)
	}
	binary.LittleEndian.PutUint32(file[pixelsField:], uint32(len(file)))
	return append(file, data...)
}

// show returns all pixels.
func show(p rows.Picture) ([]byte, error) {
	read, err := p.Decode(context.Background())
	if err != nil {
		return nil, err
	}
	rgb := make([]byte, 3*p.Width*p.Height)
	for y := range p.Height {
		if err := read(rgb[3*p.Width*y : 3*p.Width*(y+1)]); err != nil {
			return nil, fmt.Errorf("row %d: %w", y, err)
		}
	}
	return rgb, nil
}

func open(t *testing.T, data []byte) rows.Picture {
	t.Helper()
	p, err := Open(data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	black, white = [3]byte{}, [3]byte{255, 255, 255}
	red, green   = [3]byte{255, 0, 0}, [3]byte{0, 255, 0}
)

// A palette of black and white alone does not make the pixels bits (as it does in Pillow, which
// then shows something else).
func TestBlackAndWhiteOfManyBits(t *testing.T) {
	want := []byte{255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 0, 0}
	for name, data := range map[string][]byte{
		"8 bits": bitmapOf(4, 1, 8, raw, [][3]byte{black, white}, []byte{1, 0, 1, 0}),
		"4 bits": bitmapOf(4, 1, 4, raw, [][3]byte{black, white}, []byte{0x10, 0x10, 0, 0}),
		"1 bit":  bitmapOf(4, 1, 1, raw, [][3]byte{black, white}, []byte{0xa0, 0, 0, 0}),
		"RLE8":   bitmapOf(4, 1, 8, rle8, [][3]byte{black, white}, []byte{0, 4, 1, 0, 1, 0, 0, 1}),
		"RLE4":   bitmapOf(4, 1, 4, rle4, [][3]byte{black, white}, []byte{4, 0x10, 0, 1}),
	} {
		if got, err := show(open(t, data)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	greys := make([][3]byte, 16)
	for i := range greys {
		greys[i] = [3]byte{byte(i), byte(i), byte(i)}
	}
	got, err := show(open(t, bitmapOf(2, 1, 4, raw, greys, []byte{0x1f, 0, 0, 0})))
	if err != nil || !bytes.Equal(got, []byte{1, 1, 1, 15, 15, 15}) {
		t.Errorf("16 greys: %v, %v", got, err)
	}
}

// Run-length encoded pixels are read from either end of the file.
func TestRunLengths(t *testing.T) {
	two := [][3]byte{red, green, black}
	data := []byte{2, 0, 0, 0, 1, 1, 1, 0, 0, 1} // red and red; green and red
	p := open(t, bitmapOf(2, 2, 8, rle8, two, data))
	upwards, err := show(p)
	if err != nil {
		t.Fatal(err)
	}
	file := bitmapOf(2, -2, 8, rle8, two, data)
	downwards, err := show(open(t, file))
	if err != nil {
		t.Fatal(err)
	}
	rowRed, rowBoth := []byte{255, 0, 0, 255, 0, 0}, []byte{0, 255, 0, 255, 0, 0}
	if !bytes.Equal(upwards, append(bytes.Clone(rowBoth), rowRed...)) || !bytes.Equal(downwards, append(bytes.Clone(rowRed), rowBoth...)) {
		t.Errorf("upwards %v, downwards %v", upwards, downwards)
	}
	for missing := 3; missing <= len(data); missing++ { // two bytes are the end
		if _, err := show(open(t, file[:len(file)-missing])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("without %d bytes: %v", missing, err)
		}
	}
}

// Decoding takes what was counted and no more; of pixels that are not encoded, next to nothing.
func TestMemory(t *testing.T) {
	const width, height = 4000, 3000
	jumps := bytes.Repeat([]byte{0, 2, 255, 255}, height/255+2)
	for name, c := range map[string]struct {
		data []byte
		most int64
	}{
		"plain": {bitmapOf(width, height, 1, raw, [][3]byte{red, green}, make([]byte, width/8*height)), 1 << 10},
		"RLE8":  {bitmapOf(width, height, 8, rle8, [][3]byte{red, green, black}, jumps), 1<<10 + width + runSize*height},
	} {
		p := open(t, c.data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		read, err := p.Decode(t.Context())
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		const rounding = 8 << 10 // of the allocator
		if took := int64(after.TotalAlloc - before.TotalAlloc); took > p.Memory+rounding || p.Memory > c.most {
			t.Errorf("%s: %d bytes were allocated, %d counted", name, took, p.Memory)
		}
		rgb := make([]byte, 3*width)
		if n := testing.AllocsPerRun(10, func() { err = errors.Join(err, read(rgb)) }); n > 0 || err != nil {
			t.Errorf("%s: %v allocations for a row, %v", name, n, err)
		}
	}
}

// A size that no file can hold is refused before anything is allocated.
func TestSizesOfNoFile(t *testing.T) {
	for _, compression := range []int{raw, rle8} {
		data := bitmapOf(1<<31-1, 1<<24, 8, compression, [][3]byte{red, green, black}, make([]byte, 100))
		p := open(t, data)
		if compression == rle8 {
			if p.Memory < 1<<31+runSize<<24 {
				t.Errorf("%d bytes are counted", p.Memory)
			}
			continue
		}
		if _, err := p.Decode(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	}
	if _, err := Open(bitmapOf(-5, 5, 8, raw, [][3]byte{red, green, black}, make([]byte, 100))); err == nil {
		t.Error("a negative width is read")
	}
}

// Of the pictures of an icon, the largest is shown, then that of fewest colours, then the first.
func TestTheLargestOfAnIcon(t *testing.T) {
	entryOf := func(side, colours byte, bits uint16) []byte {
		e := make([]byte, entrySize)
		e[0], e[1], e[2] = side, side, colours
		binary.LittleEndian.PutUint16(e[6:], bits)
		return e
	}
	entries := [][]byte{entryOf(0, 0, 8), entryOf(0, 0, 0), entryOf(0, 16, 0), entryOf(0, 2, 0), entryOf(0, 0, 1), entryOf(255, 0, 1), entryOf(1, 0, 1)}
	for range 50 {
		rand.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		file := []byte{0, 0, 1, 0, byte(len(entries)), 0}
		first := -1
		for i, e := range entries {
			binary.LittleEndian.PutUint32(e[12:], uint32(i))
			one := bytes.Equal(e[:8], entryOf(0, 2, 0)[:8]) || bytes.Equal(e[:8], entryOf(0, 0, 1)[:8])
			if one && first < 0 {
				first = i
			}
			file = append(file, e...)
		}
		if e, err := largest(file); err != nil || e.offset != first {
			t.Fatalf("%d is shown, not %d: %v", e.offset, first, err)
		}
	}
}

// FuzzOpen: any bytes are pixels or an error, and what Decode accepts has all its rows.
func FuzzOpen(f *testing.F) {
	f.Add(bitmapOf(4, 1, 8, rle8, [][3]byte{black, white}, []byte{0, 4, 1, 0, 1, 0, 0, 1}))
	f.Add(bitmapOf(4, 2, 4, rle4, [][3]byte{red, green}, []byte{4, 0x10, 0, 0, 0, 2, 9, 9}))
	bare := bitmapOf(2, 2, 1, raw, [][3]byte{black, white}, make([]byte, 16))[fileHeader:]
	f.Add(bare)
	f.Add(append([]byte("\x00\x00\x01\x00\x01\x00\x02\x01\x00\x00\x01\x00\x01\x00\x3c\x00\x00\x00\x16\x00\x00\x00"), bare...))
	f.Add(append([]byte("\x00\x00\x02\x00\x01\x00\x02\x01\x00\x00\x01\x00\x01\x00\x3c\x00\x00\x00\x16\x00\x00\x00"), bare...))
	f.Fuzz(func(t *testing.T, data []byte) {
		icon := func(data []byte) (rows.Picture, error) {
			p, png, err := OpenIcon(data)
			if png != nil {
				return p, errors.New("a PNG")
			}
			return p, err
		}
		for _, open := range []func([]byte) (rows.Picture, error){Open, icon, OpenCursor} {
			p, err := open(data)
			if err != nil || rows.Bytes(p.Width, p.Height, 3) > 1<<24 || p.Memory > 1<<24 {
				continue
			}
			read, err := p.Decode(t.Context())
			if err != nil {
				continue
			}
			rgb := make([]byte, 3*p.Width)
			for y := range p.Height {
				if err := read(rgb); err != nil {
					t.Fatalf("row %d of %d: %v", y, p.Height, err)
				}
			}
		}
	})
}
