package pixels

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/draw"
	"image/png"
	"math"
	"strings"
	"testing"

	"penstock/clip/internal/limit"
)

// The pixels equal those of open_clip's transform, in every mode, for sizes whose differences are
// odd.
func TestPixelsEqualOpenCLIP(t *testing.T) {
	var rows []struct {
		Crop   [2]int          `json:"crop"`
		Config json.RawMessage `json:"config"`
		SHA256 string          `json:"sha256"`
	}
	if err := json.Unmarshal(readFile(t, "../../testdata/openclip.json"), &rows); err != nil || len(rows) < 100 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	photo := decodePNG(t, readFile(t, "../../testdata/photos/cat_chelsea.png"))
	for _, row := range rows {
		part := image.NewNRGBA(image.Rect(0, 0, row.Crop[0], row.Crop[1]))
		draw.Draw(part, part.Bounds(), photo, photo.Bounds().Min, draw.Src)
		var data bytes.Buffer
		if err := png.Encode(&data, part); err != nil {
			t.Fatal(err)
		}
		p, err := NewProcessor(row.Config, Options{OpenCLIP: true})
		if err != nil {
			t.Fatal(err)
		}
		height, width := p.Size()
		rgb := make([]byte, 3*height*width)
		if err := p.Process(t.Context(), new(limit.Holder), data.Bytes(), rgb); err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(rgb); hex.EncodeToString(sum[:]) != row.SHA256 {
			t.Errorf("%v %s: the pixels are not open_clip's", row.Crop, row.Config)
		}
	}
}

func TestOpenCLIPConfigs(t *testing.T) {
	c, err := parseOpenCLIP([]byte(`{"mean": 0.5, "std": [0.25, 0.5, 1], "size": [32], "timm": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	for channel, want := range []float32{2, 1, 0.5} {
		if got := c.value[channel][255]; math.Abs(float64(got-want)) > 1e-6 {
			t.Errorf("white is %v in channel %d, not %v", got, channel, want)
		}
	}
	if c, err = parseOpenCLIP([]byte(`{}`)); err != nil || c.cropW != 224 || c.cropH != 224 {
		t.Errorf("got %+v, %v", c, err)
	}
	for file, want := range map[string]string{
		`[]`: "array", `{"mode": "L"}`: `mode: "L"`, `{"interpolation": "nearest"}`: `interpolation: "nearest"`, `{"size": [1, 2, 3]}`: "[1,2,3]",
		`{"size": 0}`: "size: a side of 0 pixels", `{"std": 0}`: "mean, std", `{"mean": [1]}`: "mean, std",
		`{"resize_mode": "longest", "fill_color": 255}`: "fill_color: 255",
	} {
		_, err := NewProcessor([]byte(file), Options{OpenCLIP: true, File: "visual/preprocess_cfg.json"})
		if err == nil || !strings.HasPrefix(err.Error(), "visual/preprocess_cfg.json: ") || !strings.Contains(strings.ReplaceAll(err.Error(), ", ", ","), strings.ReplaceAll(want, ", ", ",")) {
			t.Errorf("%s: got %v, want %s", file, err, want)
		}
	}
}
