package jpeg

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// That the samples are libjpeg's is tested in package pixels, which has libjpeg's results.

// files are JPEGs of all kinds.
func files(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob("../../testdata/odd/*.jpg")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no pictures: %v", err)
	}
	all := make(map[string][]byte)
	for _, path := range paths {
		if all[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

func decode(data []byte) (*Picture, []Plane, error) {
	p, err := Open(data)
	if err != nil {
		return nil, nil, err
	}
	memory := bytes.Repeat([]byte{0xaa}, p.Samples()) // of any content
	planes, err := p.Decode(context.Background(), memory)
	if err != nil {
		return nil, nil, err
	}
	whole := make([]Plane, len(planes))
	for i, plane := range planes {
		whole[i] = plane
		whole[i].Rows = plane.Height
		whole[i].Pix = make([]byte, plane.Height*plane.Stride)
	}
	for y := range p.Height {
		if err := p.Reach(y); err != nil {
			return nil, nil, err
		}
		for i, plane := range planes { // the rows above and below have to be there too
			for row := max(0, y/plane.Down-1); row <= min(plane.Height-1, y/plane.Down+1); row++ {
				copy(whole[i].Pix[row*plane.Stride:][:plane.Stride], plane.Pix[row%plane.Rows*plane.Stride:])
			}
		}
	}
	return p, whole, nil
}

// Whatever the size, samples differ from Go's by one at most.
func TestSamplesAreCloseToGos(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []image.Point{{1, 1}, {7, 9}, {8, 8}, {16, 16}, {17, 15}, {33, 1}, {1, 33}, {100, 40}} {
		m := image.NewRGBA(image.Rectangle{Max: size})
		for y := range size.Y {
			for x := range size.X {
				m.SetRGBA(x, y, color.RGBA{uint8(9 * x), uint8(7 * y), uint8(random.UintN(256)), 255})
			}
		}
		for _, quality := range []int{1, 50, 90, 100} {
			var b bytes.Buffer
			if err := stdjpeg.Encode(&b, m, &stdjpeg.Options{Quality: quality}); err != nil {
				t.Fatal(err)
			}
			p, planes, err := decode(b.Bytes())
			if err != nil {
				t.Fatalf("%v at quality %d: %v", size, quality, err)
			}
			decoded, err := stdjpeg.Decode(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			want := decoded.(*image.YCbCr)
			if p.Width != size.X || p.Height != size.Y || p.Model != YCbCr || len(planes) != 3 {
				t.Fatalf("%v is %dx%d, model %d, %d planes", size, p.Width, p.Height, p.Model, len(planes))
			}
			luma, chroma := planes[0], planes[1]
			if luma.Across != 1 || chroma.Across != 2 || chroma.Down != 2 || chroma.Width != (size.X+1)/2 || chroma.Height != (size.Y+1)/2 {
				t.Fatalf("%v: planes %+v", size, planes)
			}
			for y := range size.Y {
				for x := range size.X {
					c := want.YCbCrAt(x, y)
					got := [3]byte{luma.Pix[y*luma.Stride+x], planes[1].Pix[y/2*chroma.Stride+x/2], planes[2].Pix[y/2*chroma.Stride+x/2]}
					for i, w := range [3]byte{c.Y, c.Cb, c.Cr} {
						if d := int(got[i]) - int(w); d < -1 || d > 1 {
							t.Fatalf("%v at quality %d, pixel %d,%d: %v, not %v", size, quality, x, y, got, c)
						}
					}
				}
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	all := files(t)
	for name, want := range map[string]struct {
		model Model
		exif  bool
		rows  float64 // of samples in its planes together, 64 in each
	}{
		"grey.jpg": {Grey, false, 16}, "chroma444.jpg": {YCbCr, false, 3 * 16}, "chroma420.jpg": {YCbCr, false, 1.5 * 32}, "rgb.jpg": {RGB, false, 3 * 16},
		"cmyk.jpg": {CMYK, false, 4 * 16}, "orientation6.jpg": {YCbCr, true, 3 * 16}, "progressive-grey.jpg": {Grey, false, 48},
	} {
		p, err := Open(all[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if p.Width != 61 || p.Height != 41 || p.Model != want.model || (p.Exif != nil) != want.exif {
			t.Errorf("%s: %dx%d, model %d, %d bytes of EXIF data", name, p.Width, p.Height, p.Model, len(p.Exif))
		}
		if float64(p.Samples()) != 64*want.rows {
			t.Errorf("%s: %d samples, not %g rows", name, p.Samples(), want.rows)
		}
		if whole := strings.HasPrefix(name, "progressive"); !whole && p.Memory() != int64(p.Samples()) {
			t.Errorf("%s: it takes %d bytes", name, p.Memory())
		}
	}
	p, err := Open(all["progressive-grey.jpg"])
	if err != nil || p.Memory() != 3*int64(p.Samples()) {
		t.Errorf("a progressive picture's memory: %d of %d samples, %v", p.Memory(), p.Samples(), err)
	}
}

// A picture that is truncated anywhere is reported as truncated.
func TestTruncatedPictures(t *testing.T) {
	for name, data := range files(t) {
		if strings.HasPrefix(name, "orientation") || strings.HasPrefix(name, "quality") {
			continue // they have no feature that the others lack
		}
		t.Run(name, func(t *testing.T) {
			for n := 0; n < len(data); n += 7 {
				if _, _, err := decode(data[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("cut at %d of %d: %v", n, len(data), err)
				}
			}
		})
	}
}

func TestPicturesThatAreRefused(t *testing.T) {
	data := files(t)["chroma420.jpg"]
	at := func(marker byte) int { return bytes.Index(data, []byte{0xff, marker}) }
	change := func(offset int, to ...byte) []byte {
		changed := bytes.Clone(data)
		copy(changed[offset:], to)
		return changed
	}
	frame, scan, tables := at(sof0), at(sos), at(dht)
	for name, c := range map[string]struct {
		data        []byte
		unsupported bool
		contains    string
	}{
		"no JPEG":             {[]byte("GIF89a"), false, "does not begin"},
		"arithmetic":          {change(frame+1, 0xc9), true, "arithmetic"},
		"lossless":            {change(frame+1, 0xc3), true, "lossless"},
		"12 bits":             {change(frame+4, 12), true, "12 bits"},
		"no height":           {change(frame+5, 0, 0), true, "size"},
		"two components":      {append(change(frame+2, 0, 14, 8, 0, 9, 0, 9, 2, 1, 0x11, 0, 2, 0x11, 0)[:frame+16], data[scan:]...), true, "2 components"},
		"sampling by thirds":  {change(frame+14, 0x31), true, "fractions"},
		"no sampling":         {change(frame+11, 0x01), false, "factors"},
		"one name for two":    {change(frame+13, data[frame+10]), false, "one name"},
		"frame too short":     {change(frame+9, 4), false, "wrong length"},
		"no frame":            {append(bytes.Clone(data[:frame]), data[scan:]...), false, "before the frame"},
		"two frames":          {append(bytes.Clone(data[:scan]), data[frame:]...), false, "two frames"},
		"no tables":           {change(scan+6, 0x22), false, "Huffman table is missing"},
		"a scan of nothing":   {change(scan+4, 0), false, "scan's header"},
		"an unknown scan":     {change(scan+5, 77), false, "not there"},
		"a scan twice of one": {change(scan+5, data[scan+7]), false, "twice"},
		"codes beyond count":  {change(tables+5, 255, 255), false, "Huffman"},
		"nothing but an end":  {[]byte{0xff, soi, 0xff, eoi}, false, "ends before"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := decode(c.data)
			var u UnsupportedError
			if err == nil || errors.As(err, &u) != c.unsupported || !strings.Contains(err.Error(), c.contains) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A few bytes can define a scan over every block; the number of scans is bounded.
func TestTooManyScans(t *testing.T) {
	data := files(t)["progressive-grey.jpg"]
	first := bytes.Index(data, []byte{0xff, sos})
	second := first + 2 + bytes.Index(data[first+2:], []byte{0xff, dht})
	many := bytes.Clone(data[:second])
	for range maxScans {
		many = append(many, data[first:second]...)
	}
	_, _, err := decode(append(many, data[second:]...))
	var u UnsupportedError
	if !errors.As(err, &u) {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Open(data)
		if err != nil || p.Memory() > 4<<20 || p.Width*p.Height > 1<<20 {
			return
		}
		p, planes, err := decode(data)
		if err != nil {
			return
		}
		for _, plane := range planes {
			if plane.Width < 1 || plane.Height < 1 || plane.Width > plane.Stride || plane.Height*plane.Stride > len(plane.Pix) || plane.Width*plane.Across < p.Width {
				t.Errorf("a plane of %dx%d, stride %d, %d bytes", plane.Width, plane.Height, plane.Stride, len(plane.Pix))
			}
		}
	})
}
