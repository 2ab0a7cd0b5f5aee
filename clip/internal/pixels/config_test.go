package pixels

import (
	"math"
	"strings"
	"testing"

	"penstock/clip/internal/rows"
)

func TestConfigs(t *testing.T) {
	const old = `{"feature_extractor_type": "CLIPFeatureExtractor", "do_resize": true, "size": 224, "resample": 3, "do_center_crop": true,
		"crop_size": 224, "do_normalize": true, "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}`
	want, err := parseConfig([]byte(clip224))
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]string{
		"old form": old,
		"defaults": `{}`,
		"fast":     `{"image_processor_type": "CLIPImageProcessorFast"}`,
		"Pillow's": `{"image_processor_type": "CLIPImageProcessorPil", "feature_extractor_type": "CLIPFeatureExtractor"}`,
		"nulls":    `{"size": null, "do_pad": null, "data_format": "channels_first", "do_flip_channel_order": false, "processor_class": "CLIPProcessor"}`,
	} {
		got, err := parseConfig([]byte(config))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.value != want.value || got.shortest != 224 || got.cropW != 224 || got.cropH != 224 || !got.resize || !got.crop || got.filter.support != 2 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// (255/255 - mean) / deviation
	if v := want.value[0][255]; math.Abs(float64(v)-(1-0.48145466)/0.26862954) > 1e-6 {
		t.Errorf("white becomes %v", v)
	}
	plain, err := parseConfig([]byte(`{"do_normalize": false, "do_rescale": false, "size": {"height": 20, "width": 30}, "do_center_crop": false, "resample": 0}`))
	if err != nil {
		t.Fatal(err)
	}
	if w, h := plain.output(); w != 30 || h != 20 || plain.value[2][77] != 77 {
		t.Errorf("%d x %d, %v", w, h, plain.value[2][77])
	}
}

func TestConfigsThatAreRefused(t *testing.T) {
	for config, contains := range map[string]string{
		`[]`:                              "JSON",
		`{"size": {"longest_edge": 224}}`: "size: longest_edge",
		`{"size": {"shortest_edge": 224, "longest_edge": 300}}`:     "longest_edge",
		`{"size": {"shortest_edge": 224, "height": 1, "width": 1}}`: "size: shortest_edge beside",
		`{"size": {"height": 224}}`:                                 "size: a side of 0",
		`{"size": 0}`:                                               "size: a side of 0",
		`{"size": 100000}`:                                          "100000",
		`{"size": "large"}`:                                         "size: ",
		`{"size": [224, 224]}`:                                      "size: ",
		`{"crop_size": {"shortest_edge": 224}}`:                     "crop_size: shortest_edge",
		`{"crop_size": {"height": 224}}`:                            "crop_size: a side of 0",
		`{"resample": 8}`:                                           "resample: 8",
		`{"resample": -1}`:                                          "resample: -1",
		`{"resample": "bicubic"}`:                                   "resample: ",
		`{"do_resize": "yes"}`:                                      "do_resize: ",
		`{"do_center_crop": false}`:                                 "do_center_crop",
		`{"do_resize": false, "do_center_crop": false}`:             "do_center_crop",
		`{"image_mean": [0.5]}`:                                     "image_mean",
		`{"image_mean": 0.5}`:                                       "image_mean",
		`{"image_std": [1, 0, 1]}`:                                  "image_std",
		`{"do_pad": true}`:                                          "do_pad: true",
		`{"do_flip_channel_order": true}`:                           "do_flip_channel_order",
		`{"crop_pct": 0.9}`:                                         "crop_pct: 0.9",
		`{"data_format": "channels_last"}`:                          "data_format",
		`{"image_processor_type": "SiglipImageProcessor"}`:          `image_processor_type: "SiglipImageProcessor" is not supported`,
		`{"feature_extractor_type": "ViTFeatureExtractor"}`:         `feature_extractor_type: "ViTFeatureExtractor"`,
		`{"image_processor_type": 1}`:                               "image_processor_type: 1",
	} {
		_, err := NewProcessor([]byte(config), Options{})
		if err == nil || !strings.Contains(err.Error(), contains) || !strings.HasPrefix(err.Error(), "preprocessor_config.json: ") {
			t.Errorf("%s: %v", config, err)
		}
	}
}

// Positions are those that transformers computes.
func TestLayouts(t *testing.T) {
	r, err := parseConfig([]byte(`{"size": 224, "crop_size": 224}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ w, h, width, height, left, top int }{
		{384, 255, 337, 224, 56, 0},
		{255, 384, 224, 337, 0, 56},
		{224, 224, 224, 224, 0, 0},
		{1, 1, 224, 224, 0, 0},
		{65535, 1, 14679840, 224, 7339808, 0},
	} {
		if l := r.layout(c.w, c.h); l != (layout{c.width, c.height, c.left, c.top, 224, 224}) {
			t.Errorf("%dx%d: %+v", c.w, c.h, l)
		}
	}
	// A picture smaller than the crop is in the middle of black; the odd pixel is on the left and
	// the top.
	r, err = parseConfig([]byte(`{"do_resize": false, "crop_size": {"height": 4, "width": 6}}`))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 3*4*6)
	if err := resize(rowsOfOne(255), stored{3, 9, 1}, r.layout(3, 9), r.filter, out); err != nil {
		t.Fatal(err)
	}
	for y := range 4 {
		for x := range 6 {
			if got, inside := out[3*(y*6+x)] == 255, x >= 2 && x < 5; got != inside {
				t.Errorf("at %d, %d: %v", x, y, got)
			}
		}
	}
}

// A picture of the greatest length takes no more memory than another.
func TestLongPictures(t *testing.T) {
	r, err := parseConfig([]byte(`{"size": {"height": 8, "width": 8}, "do_center_crop": false}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range [][2]int{{1, 65535}, {65535, 1}, {700, 65535}} {
		out := make([]byte, 3*8*8)
		if err := resize(rowsOfOne(100), stored{size[0], size[1], 1}, r.layout(size[0], size[1]), r.filter, out); err != nil {
			t.Fatal(err)
		}
		for _, v := range out {
			if v != 100 {
				t.Fatalf("%v: %v", size, out)
			}
		}
	}
}

// rowsOfOne are rows of the same value everywhere.
func rowsOfOne(v byte) rows.Reader {
	return inOrder(func(_ int, rgb []byte) {
		for i := range rgb {
			rgb[i] = v
		}
	})
}
