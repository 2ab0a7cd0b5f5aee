package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/clip/internal/limit"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

func wantReason(t *testing.T, err error, reason string) {
	t.Helper()
	var e *apierr.Error
	if !errors.As(err, &e) || e.Code != apierr.CodeInvalidInput || e.Reason != reason || e.Message == "" {
		t.Errorf("error %v, not invalid_input/%s", err, reason)
	}
}

// process runs a picture through a small Processor.
func process(t testing.TB, data []byte, o Options) error {
	t.Helper()
	p := newProcessor(t, `{"size": 32, "crop_size": 32}`, o)
	return p.Process(t.Context(), new(limit.Holder), data, make([]byte, 3*32*32))
}

func TestFilesThatAreNotPictures(t *testing.T) {
	pad := strings.Repeat("\x00", 40)
	for name, c := range map[string]struct{ data, reason string }{
		"nothing":      {"", ReasonNotAnImage},
		"text":         {"a cat", ReasonNotAnImage},
		"HTML":         {"<!doctype html>", ReasonNotAnImage},
		"zeros":        {pad, ReasonNotAnImage},
		"SVG":          {"<?xml version='1.0'?>\n<svg>", ReasonUnsupportedImage},
		"AVIF":         {"\x00\x00\x00\x20ftypavif", ReasonUnsupportedImage},
		"HEIC":         {"\x00\x00\x00\x18ftypheic", ReasonUnsupportedImage},
		"JPEG XL":      {"\xff\x0a" + pad, ReasonUnsupportedImage},
		"JPEG 2000":    {"\x00\x00\x00\x0cjP  \r\n\x87\n", ReasonUnsupportedImage},
		"icon's head":  {"\x00\x00\x01\x00\x01\x00", ReasonTruncatedImage},
		"no icons":     {"\x00\x00\x01\x00\x00\x00" + pad, ReasonNotAnImage},
		"cursor":       {"\x00\x00\x02\x00\x01\x00" + pad[:16], ReasonTruncatedImage},
		"no cursors":   {"\x00\x00\x02\x00\x00\x00" + pad, ReasonNotAnImage},
		"bare bitmap":  {"\x28\x00\x00\x00" + pad[:10] + "\x18" + pad[:20], ReasonTruncatedImage},
		"2-bit bitmap": {"\x28\x00\x00\x00" + pad[:10] + "\x02" + pad, ReasonNotAnImage},
		"PDF":          {"%PDF-1.7", ReasonUnsupportedImage},
		"Photoshop":    {"8BPS\x00\x01", ReasonUnsupportedImage},
		"JPEG's head":  {"\xff\xd8\xff", ReasonTruncatedImage},
		"PNG's head":   {"\x89PNG\r\n\x1a\n", ReasonTruncatedImage},
		"GIF's head":   {"GIF89a", ReasonTruncatedImage},
		"WebP's head":  {"RIFF\x00\x00\x00\x00WEBP", ReasonTruncatedImage},
		"short WebP":   {"RIFF\x20\x00\x00\x00WEBPVP8 ", ReasonTruncatedImage},
		"TIFF's head":  {"II*\x00", ReasonTruncatedImage},
		"PAM":          {"P7\nWIDTH 1\n", ReasonUnsupportedImage},
		"colour PFM":   {"PF\n1 1\n-1\n", ReasonUnsupportedImage},
		"PNM's head":   {"P6\n1", ReasonTruncatedImage},
		"BMP's head":   {"BM\x00\x00\x00\x00", ReasonTruncatedImage},
		"broken PNG":   {"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + pad, ReasonNotAnImage},
		"old BMP":      {"BM" + pad[:12] + "\x0c\x00\x00\x00" + pad, ReasonUnsupportedImage},
		"JPEG nothing": {"\xff\xd8\xff\xd9", ReasonNotAnImage},
	} {
		t.Run(name, func(t *testing.T) { wantReason(t, process(t, []byte(c.data), Options{}), c.reason) })
	}
}

// Kinds of pictures that Pillow reads and this package does not are unsupported, not broken.
// docs/models.md lists them.
func TestKindsThatAreRefused(t *testing.T) {
	all, err := filepath.Glob("../../testdata/refused/*")
	if err != nil || len(all) == 0 {
		t.Fatalf("no pictures: %v", err)
	}
	for _, path := range all {
		t.Run(filepath.Base(path), func(t *testing.T) { wantReason(t, process(t, readFile(t, path), Options{}), ReasonUnsupportedImage) })
	}
}

// A picture that is truncated anywhere is refused as truncated, unless what is missing comes after
// the picture.
func TestTruncatedPictures(t *testing.T) {
	for _, path := range oddPictures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data := readFile(t, path)
			for _, part := range []int{3, 5, 8} {
				err := process(t, data[:len(data)*part/10], Options{})
				f, _ := identify(data)
				switch animated := strings.HasPrefix(filepath.Base(path), "animated"); {
				case err == nil && (animated || f.name == "PNG"): // the first frame, or all but the end, was there
				case f.name == "TIFF" && err != nil: // its directory may be missing, or the data
				default:
					wantReason(t, err, ReasonTruncatedImage)
				}
			}
		})
	}
}

// A picture that is too large is refused by its header: these have no pixels at all.
func TestTooManyPixels(t *testing.T) {
	jpegOf := func(width, height uint16) []byte {
		data := readFile(t, "../../testdata/odd/chroma420.jpg")
		at := bytes.Index(data, []byte{0xff, 0xc0})
		binary.BigEndian.PutUint16(data[at+5:], height)
		binary.BigEndian.PutUint16(data[at+7:], width)
		return data
	}
	pngOf := func(width, height uint32) []byte {
		var b bytes.Buffer
		b.WriteString("\x89PNG\r\n\x1a\n")
		head := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
		head = binary.BigEndian.AppendUint32(head, height)
		writeChunk(&b, append(head, 8, 2, 0, 0, 0))
		return b.Bytes()
	}
	frame := readFile(t, "../../testdata/odd/lossy.webp")[12:]
	vp8x := []byte("RIFF\x1e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\xff\xff\xff\xff\xff\xff")
	binary.LittleEndian.PutUint32(vp8x[4:], uint32(len(vp8x)-8+len(frame)))
	gifOf := []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00")
	progressive := func(data []byte) []byte {
		data[bytes.Index(data, []byte{0xff, 0xc0})+1] = 0xc2
		return data
	}
	interlaced := pngOf(20000, 10000)
	interlaced[28] = 1
	binary.BigEndian.PutUint32(interlaced[29:], crc32.ChecksumIEEE(interlaced[12:29]))
	tga := []byte{0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0x4e, 0x10, 0x27, 24, 0}
	for name, c := range map[string]struct {
		data    []byte
		options Options
		names   string // what the message names; "": it is only cut short
	}{
		"JPEG":                       {jpegOf(65535, 65535), Options{}, "max_pixels"},
		"JPEG, just over":            {jpegOf(20000, 10001), Options{}, "max_pixels"},
		"JPEG, just under":           {jpegOf(20000, 10000), Options{}, ""},
		"JPEG, over a limit":         {jpegOf(100, 101), Options{Pixels: 10000}, "max_pixels"},
		"JPEG, under a limit":        {jpegOf(100, 100), Options{Pixels: 10000}, ""},
		"JPEG, over little memory":   {jpegOf(20000, 10000), Options{Memory: 1 << 18}, "decode_memory"},
		"JPEG, of a few MiB":         {jpegOf(20000, 10000), Options{Memory: 4 << 20, AutoOrient: true}, ""},
		"progressive":                {progressive(jpegOf(20000, 10000)), Options{}, "decode_memory"},
		"PNG":                        {pngOf(100000, 100000), Options{}, "max_pixels"},
		"PNG, long":                  {pngOf(1000001, 1), Options{}, "longer than 1000000"},
		"PNG, high":                  {pngOf(1, 1000001), Options{}, "longer than 1000000"},
		"PNG, longer than in a JPEG": {pngOf(1000000, 1), Options{}, ""},
		"PNG, of a MiB":              {pngOf(20000, 10000), Options{Memory: 1 << 20}, ""},
		"PNG, interlaced":            {interlaced, Options{}, "decode_memory"},
		"PNM, of a MiB":              {[]byte("P6 20000 10000 65535\n"), Options{Memory: 1 << 20}, ""},
		"TGA, of a MiB":              {tga, Options{Memory: 1 << 20}, ""},
		"GIF":                        {gifOf, Options{}, "max_pixels"},
		"WebP":                       {append(vp8x, frame...), Options{}, "max_pixels"},
	} {
		t.Run(name, func(t *testing.T) {
			err := process(t, c.data, c.options)
			if c.names == "" {
				wantReason(t, err, ReasonTruncatedImage)
				return
			}
			wantReason(t, err, ReasonTooManyPixels)
			if !strings.Contains(err.Error(), c.names) {
				t.Errorf("%v does not name %s", err, c.names)
			}
		})
	}
	wantReason(t, process(t, jpegOf(0, 10), Options{}), ReasonUnsupportedImage)
}

func writeChunk(b *bytes.Buffer, chunk []byte) {
	binary.Write(b, binary.BigEndian, uint32(len(chunk)-4))
	b.Write(chunk)
	binary.Write(b, binary.BigEndian, crc32.ChecksumIEEE(chunk))
}

func TestAutoOrient(t *testing.T) {
	rotated := readFile(t, "../../testdata/odd/orientation6.png")
	size := func(o Options) (layout image.Point) {
		p := newProcessor(t, `{"do_resize": false, "crop_size": 61}`, o)
		rgb := make([]byte, 3*61*61)
		if err := p.Process(t.Context(), new(limit.Holder), rotated, rgb); err != nil {
			t.Fatal(err)
		}
		// A 61x41 picture in a square of 61 has black above and below, or left and right of it.
		if rgb[3*30] == 0 && rgb[3*30+1] == 0 {
			return image.Pt(61, 41)
		}
		return image.Pt(41, 61)
	}
	if got := size(Options{AutoOrient: true}); got != image.Pt(41, 61) {
		t.Errorf("with AutoOrient, it is %v", got)
	}
	if got := size(Options{}); got != image.Pt(61, 41) {
		t.Errorf("without AutoOrient, it is %v", got)
	}
}

// Decoding allocates no more than was computed from the header, except for the tables of the
// decoders.
func TestDecodingAllocatesNoMoreThanCounted(t *testing.T) {
	const tables = 256 << 10
	size := image.Rect(0, 0, 400, 300)
	opaque, deep := image.NewRGBA(size), image.NewNRGBA64(size)
	for i := range deep.Pix {
		deep.Pix[i] = byte(i * i >> 7)
	}
	draw.Draw(opaque, size, deep, image.Point{}, draw.Src)
	for name, encode := range map[string]func(*bytes.Buffer) error{
		"JPEG":             func(b *bytes.Buffer) error { return jpeg.Encode(b, opaque, nil) },
		"PNG":              func(b *bytes.Buffer) error { return png.Encode(b, opaque) },
		"PNG, 16 bits":     func(b *bytes.Buffer) error { return png.Encode(b, deep) },
		"BMP":              func(b *bytes.Buffer) error { return bmp.Encode(b, opaque) },
		"TIFF":             func(b *bytes.Buffer) error { return tiff.Encode(b, opaque, nil) },
		"TIFF, 16 bits":    func(b *bytes.Buffer) error { return tiff.Encode(b, deep, nil) },
		"TIFF, compressed": func(b *bytes.Buffer) error { return tiff.Encode(b, opaque, &tiff.Options{Compression: tiff.Deflate}) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := encode(&b); err != nil {
				t.Fatal(err)
			}
			f, err := identify(b.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			pic, err := f.open(b.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err = process(t, b.Bytes(), Options{})
			runtime.ReadMemStats(&after)
			took := after.TotalAlloc - before.TotalAlloc
			if err != nil || took > uint64(pic.Memory)+tables {
				t.Errorf("%d bytes were allocated, %d counted: %v", took, pic.Memory, err)
			}
			t.Logf("%d bytes were allocated, %d counted", took, pic.Memory)
		})
	}
}

// FuzzProcess: any bytes result in pixels or in an error with a reason, and all limits are
// released.
func FuzzProcess(f *testing.F) {
	for _, path := range oddPictures(f) {
		f.Add(readFile(f, path))
	}
	pictures, _ := coloursPictures(f)
	for _, data := range pictures {
		f.Add(data)
	}
	m := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.White})
	for _, encode := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return gif.Encode(b, m, nil) },
		func(b *bytes.Buffer) error { return png.Encode(b, m) },
		func(b *bytes.Buffer) error { return bmp.Encode(b, m) },
		func(b *bytes.Buffer) error { return tiff.Encode(b, m, nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	const memory = 16 << 20
	p, err := NewProcessor([]byte(`{"size": 8, "crop_size": 8}`), Options{Memory: memory, AutoOrient: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := p.Process(t.Context(), new(limit.Holder), data, make([]byte, 3*8*8))
		var e *apierr.Error
		if err != nil && (!errors.As(err, &e) || e.Reason == "") {
			t.Errorf("error %v", err)
		}
		wantAllReleased(t, p)
	})
}
