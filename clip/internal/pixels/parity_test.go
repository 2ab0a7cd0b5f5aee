package pixels

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"penstock/clip/internal/limit"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// clip224 is the preprocessor_config.json of the usual CLIP, in its new form.
const clip224 = `{
	"do_resize": true, "size": {"shortest_edge": 224}, "resample": 3, "do_center_crop": true,
	"crop_size": {"height": 224, "width": 224}, "do_rescale": true, "rescale_factor": 0.00392156862745098,
	"do_normalize": true, "image_mean": [0.48145466, 0.4578275, 0.40821073],
	"image_std": [0.26862954, 0.26130258, 0.27577711], "do_convert_rgb": true, "image_processor_type": "CLIPImageProcessor"
}`

// folders returns pictures, and what Pillow makes of them at 224x224. Setting two variables tests
// more pictures than the repository can hold.
func folders() (photos, pixels string) {
	photos, pixels = os.Getenv("PENSTOCK_TEST_PHOTOS"), os.Getenv("PENSTOCK_TEST_PIXELS")
	if photos == "" || pixels == "" {
		return "../../testdata/photos", "../../testdata/pixels"
	}
	return photos, pixels
}

// The pixels equal those of transformers' CLIPImageProcessor with Pillow.
func TestPixelsEqualTransformers(t *testing.T) {
	photos, pixels := folders()
	wanted, err := filepath.Glob(filepath.Join(pixels, "*.png"))
	if err != nil || len(wanted) == 0 {
		t.Fatalf("no pictures in %s: %v", pixels, err)
	}
	for _, path := range wanted {
		name := strings.TrimSuffix(filepath.Base(path), ".png")
		data := readFile(t, filepath.Join(photos, name))
		want := rgbOf(decodePNG(t, readFile(t, path)))
		t.Run(name, func(t *testing.T) { compare(t, data, want) })

		if filepath.Ext(name) != ".png" {
			continue
		}
		original := decodePNG(t, data)
		for format, encode := range map[string]func(*bytes.Buffer) error{
			"BMP":  func(b *bytes.Buffer) error { return bmp.Encode(b, original) },
			"TIFF": func(b *bytes.Buffer) error { return tiff.Encode(b, original, nil) },
			"TIFF compressed": func(b *bytes.Buffer) error {
				return tiff.Encode(b, original, &tiff.Options{Compression: tiff.Deflate, Predictor: true})
			},
		} {
			t.Run(name+" as "+format, func(t *testing.T) {
				var b bytes.Buffer
				if err := encode(&b); err != nil {
					t.Fatal(err)
				}
				compare(t, b.Bytes(), want)
			})
		}
	}
}

// compare processes a picture and compares the result with Pillow's.
func compare(t *testing.T, data, want []byte) {
	t.Helper()
	p := newProcessor(t, clip224, Options{})
	got := make([]byte, 3*224*224)
	if err := p.Process(t.Context(), new(limit.Holder), data, got); err != nil {
		t.Fatal(err)
	}
	mean, worst := difference(got, want)
	if worst > 0 {
		t.Errorf("mean difference %.4f of 255, largest %d", mean, worst)
	}
}

func difference(got, want []byte) (mean float64, worst int) {
	sum := 0
	for i := range want {
		d := max(int(got[i])-int(want[i]), int(want[i])-int(got[i]))
		sum += d
		worst = max(worst, d)
	}
	return float64(sum) / float64(len(want)), worst
}

func newProcessor(tb testing.TB, config string, o Options) *Processor {
	tb.Helper()
	p, err := NewProcessor([]byte(config), o)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func decodePNG(tb testing.TB, data []byte) image.Image {
	tb.Helper()
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func rgbOf(m image.Image) []byte {
	b := m.Bounds()
	rgb := make([]byte, 0, 3*b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			rgb = append(rgb, c.R, c.G, c.B)
		}
	}
	return rgb
}
