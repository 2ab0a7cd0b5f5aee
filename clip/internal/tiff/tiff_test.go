package tiff

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"penstock/clip/internal/jpeg"
	"penstock/clip/internal/rows"
)

// That the pixels are Pillow's is tested in package pixels.

// files are the TIFFs of the archives of pictures.
func files(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob("../../testdata/colours/*.tar.gz")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no archives: %v", err)
	}
	all := make(map[string][]byte)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		compressed, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			tb.Fatal(err)
		}
		for archive := tar.NewReader(compressed); ; {
			head, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				tb.Fatal(err)
			}
			if strings.HasSuffix(head.Name, ".tif") {
				if all[head.Name], err = io.ReadAll(archive); err != nil {
					tb.Fatal(err)
				}
			}
		}
	}
	return all
}

// noColours makes black of a JPEG.
func noColours(*jpeg.Picture, []jpeg.Plane) rows.Reader {
	return func(rgb []byte) error {
		clear(rgb)
		return nil
	}
}

// decode reads all rows, and keeps none.
func decode(data []byte) (Picture, error) {
	p, err := Open(data, noColours)
	if err != nil {
		return p, err
	}
	if rows.Bytes(p.Width, p.Height, 1) > 1<<22 || p.Memory > 1<<26 {
		return p, errors.New("too large for a test")
	}
	next, err := p.Decode(context.Background())
	rgb := make([]byte, 3*p.Width)
	for y := 0; err == nil && y < p.Height; y++ {
		err = next(rgb)
	}
	return p, err
}

// Every kind of file allocates no more than it says, beside the fields of its directory and rows.
func TestMemoryIsCounted(t *testing.T) {
	const fields = 16 << 10
	for name, data := range files(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := decode(data)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil && took > uint64(p.Memory)+uint64(3*p.Width)+fields {
			t.Errorf("%s: %d bytes were allocated, %d counted", name, took, p.Memory)
		}
	}
}

// unused are files whose last parts are not needed: planes beyond the colours, rows beyond the
// picture.
var unused = regexp.MustCompile(`^tiff/..-\d-\d+-.*-planes\.tif$|^tiles/64x64-1\.tif$`)

// Of a picture that lacks its last rows, or a part of its directory, nothing is shown.
func TestTruncatedFiles(t *testing.T) {
	for name, data := range files(t) {
		if _, err := decode(data); err != nil || unused.MatchString(name) {
			continue
		}
		for _, part := range []int{1, 3, 5, 8} {
			if _, err := decode(data[:len(data)*part/10]); err == nil {
				t.Errorf("%s is decoded although %d of 10 parts are missing", name, 10-part)
			} else if f := rows.UnsupportedError(""); errors.As(err, &f) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// A field of a TIFF made by build: a tag and whole numbers.
type entry struct {
	tag    uint16
	values []uint32
}

// build makes a TIFF of a directory and content that begins at byte 8.
func build(content []byte, entries ...entry) []byte {
	data := append([]byte("II*\x00\x00\x00\x00\x00"), content...)
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.tag, b.tag) })
	directory := binary.LittleEndian.AppendUint16(nil, uint16(len(entries)))
	for _, e := range entries {
		directory = binary.LittleEndian.AppendUint16(directory, e.tag)
		directory = binary.LittleEndian.AppendUint16(directory, kindLong)
		directory = binary.LittleEndian.AppendUint32(directory, uint32(len(e.values)))
		if len(e.values) == 1 {
			directory = binary.LittleEndian.AppendUint32(directory, e.values[0])
			continue
		}
		directory = binary.LittleEndian.AppendUint32(directory, uint32(len(data)))
		for _, v := range e.values {
			data = binary.LittleEndian.AppendUint32(data, v)
		}
	}
	binary.LittleEndian.PutUint32(data[4:], uint32(len(data)))
	return append(append(data, directory...), 0, 0, 0, 0)
}

// grey is a grey picture, whose strips or tiles are all at byte 8.
func grey(width, height uint32, blocks int, size uint32, content []byte, more ...entry) []byte {
	return build(content, append(more, entry{tagWidth, []uint32{width}}, entry{tagHeight, []uint32{height}}, entry{tagBits, []uint32{8}},
		entry{tagPhotometric, []uint32{blackIsZero}}, entry{tagStripOffsets, slices.Repeat([]uint32{8}, blocks)},
		entry{tagStripSizes, slices.Repeat([]uint32{size}, blocks)})...)
}

func one(tag uint16, value uint32) entry { return entry{tag, []uint32{value}} }

// Strips of any size take a few rows; tiles take one row of them.
func TestStripsStream(t *testing.T) {
	const width, height, few = 20000, 10000, 1 << 20
	for name, c := range map[string]struct {
		more   []entry
		blocks int
		most   int64
	}{
		"one strip":            {nil, 1, few},
		"one strip, deflate":   {[]entry{one(tagCompression, compressionDeflate)}, 1, few},
		"strips, LZW":          {[]entry{one(tagCompression, compressionLZW), one(tagStripRows, 8)}, height / 8, few},
		"rows without a bound": {[]entry{one(tagStripRows, 1<<32-1)}, 1, few},
		"one tile":             {[]entry{one(tagTileWidth, 20480), one(tagTileHeight, 10240)}, 1, few},
		"tiles":                {[]entry{one(tagTileWidth, 256), one(tagTileHeight, 256)}, 79 * 40, 256*width + few},
	} {
		data := grey(width, height, c.blocks, 1, nil, c.more...)
		p, err := Open(data, noColours)
		if err != nil || p.Memory > c.most {
			t.Errorf("%s: %d bytes are counted, %v", name, p.Memory, err)
		}
	}
}

// Files that seem to be much, or to be endless, are refused before they cost time or memory.
func TestHostileFiles(t *testing.T) {
	empty := bytes.Repeat([]byte{0x80}, 1<<16) // PackBits that expand to nothing
	empty = append(empty, 0x81, 0)
	endless := one(tagTileWidth, 1<<30)
	for name, data := range map[string][]byte{
		"strips that share bytes": grey(128, 50000, 50000, uint32(len(empty)), empty, one(tagStripRows, 1), one(tagCompression, compressionPackBits)),
		"tiles beyond":            grey(100, 100000, 1, 1, nil, one(tagTileWidth, 1<<20), one(tagTileHeight, 1<<20)),
		"endless tiles":           grey(100, 100, 1, 1, nil, endless, one(tagTileHeight, 1)),
		"too few strips":          grey(100, 100, 5, 1, nil, one(tagStripRows, 1)),
		"no rows":                 grey(100, 100, 5, 1, nil, one(tagStripRows, 0)),
		"many samples":            grey(100, 100, 1, 1, nil, one(tagSamples, 1<<16)),
		"a big file of entries":   []byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"),
		"a directory beyond":      []byte("II+\x00\x08\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"),
		"an empty file":           []byte("II*\x00"),
	} {
		if _, err := decode(data); err == nil {
			t.Errorf("%s: it is decoded", name)
		}
	}
}

// Tiles that are the same may share their bytes.
func TestStripsMayShareBytes(t *testing.T) {
	data := grey(100, 1000, 1000, 2, []byte{0x9d, 0xff}, one(tagStripRows, 1), one(tagCompression, compressionPackBits))
	if _, err := decode(data); err != nil {
		t.Error(err)
	}
}

// FuzzDecode: any bytes result in rows or in an error.
func FuzzDecode(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := decode(data); err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
	})
}
