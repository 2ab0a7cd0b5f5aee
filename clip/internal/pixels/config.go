package pixels

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A config holds what a preprocessor_config.json configures.
type config struct {
	resize        bool
	shortest      int // the shorter side after resizing; 0: exactly width x height
	width, height int
	filter        filter
	crop          bool
	cropW, cropH  int
	openCLIP      bool            // sizes are rounded as open_clip does
	longest       bool            // open_clip: the longer side gets to the edge, and the rest is black
	value         [3][256]float32 // the number that a sample of each channel becomes
}

// maxSide bounds the sides that a config may name: anything larger is a mistake, not a model.
const maxSide = 4096

// ignored are fields that do not affect the pixels.
var ignored = []string{
	"processor_class", "_valid_processor_keys", "auto_map", "_name_or_path",
	"name_or_path", "return_tensors", "device", "disable_grouping", "image_seq_length", "do_convert_rgb", "input_data_format",
	"default_to_square", "use_fast",
}

// parseConfig reads a preprocessor_config.json in its old form (sizes as numbers) or its new one. A
// missing field has the value that the image processor it names gives it, or that of defaultType if
// it names none. A field that requires an unsupported step is an error that names the field.
func parseConfig(data []byte, defaultType string) (config, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return config{}, fmt.Errorf("it is not a JSON object: %w", err)
	}
	maps.DeleteFunc(fields, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	for _, name := range ignored {
		delete(fields, name)
	}
	kind, err := processorOf(fields, defaultType)
	if err != nil {
		return config{}, err
	}
	r, mean, std := kind.config, kind.mean, kind.std
	resample, factor, normalise, rescale := 3, 1.0/255, true, true
	for _, field := range []struct {
		name string
		into any
	}{
		{"do_resize", &r.resize},
		{"do_center_crop", &r.crop},
		{"do_rescale", &rescale},
		{"do_normalize", &normalise},
		{"resample", &resample},
		{"rescale_factor", &factor},
		{"image_mean", (*perChannel)(&mean)},
		{"image_std", (*perChannel)(&std)},
	} {
		if raw, ok := fields[field.name]; ok {
			if err := json.Unmarshal(raw, field.into); err != nil {
				return config{}, fmt.Errorf("%s: %w", field.name, err)
			}
			delete(fields, field.name)
		}
	}
	if raw, ok := fields["size"]; ok {
		if err := r.setSize(raw); err != nil {
			return config{}, fmt.Errorf("size: %w", err)
		}
		delete(fields, "size")
	}
	if raw, ok := fields["crop_size"]; ok {
		if err := r.setCrop(raw); err != nil {
			return config{}, fmt.Errorf("crop_size: %w", err)
		}
		delete(fields, "crop_size")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch value := string(fields[name]); {
		case value == "false" && strings.HasPrefix(name, "do_"): // a step that is switched off
		case value == `"channels_first"` && name == "data_format":
		default:
			return config{}, fmt.Errorf("%s: %s is not supported", name, value)
		}
	}

	if resample < 0 || resample >= len(filters) {
		return config{}, fmt.Errorf("resample: %d is not one of Pillow's, 0 to %d", resample, len(filters)-1)
	}
	r.filter = filters[resample]
	if !r.crop && (!r.resize || r.shortest != 0) {
		return config{}, fmt.Errorf("do_center_crop: false with this size leaves pictures of different sizes, which is not supported")
	}
	if len(mean) != 3 || len(std) != 3 || slices.Contains(std, 0) {
		return config{}, fmt.Errorf("image_mean, image_std: they must be a number or three numbers each, for red, green and blue, and no deviation 0")
	}
	for c := range r.value {
		for v := range r.value[c] {
			x := float32(v)
			if rescale {
				x = float32(float64(v) * factor)
			}
			if normalise {
				x = (x - float32(mean[c])) / float32(std[c])
			}
			r.value[c][v] = x
		}
	}
	return r, nil
}

// sizes are the forms a size is written in. A number alone is in square.
type sizes struct {
	Shortest int `json:"shortest_edge"`
	Longest  int `json:"longest_edge"`
	Height   int `json:"height"`
	Width    int `json:"width"`
	square   int
}

func parseSizes(raw json.RawMessage) (sizes, error) {
	var s sizes
	if err := json.Unmarshal(raw, &s.square); err == nil {
		return s, checkSides(s.square)
	}
	s.square = 0
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, err
	}
	switch {
	case s.Longest != 0:
		return s, fmt.Errorf("longest_edge is not supported")
	case s.Shortest != 0 && s.Height == 0 && s.Width == 0:
		return s, checkSides(s.Shortest)
	case s.Shortest != 0:
		return s, fmt.Errorf("shortest_edge beside height and width is not supported")
	}
	return s, checkSides(s.Height, s.Width)
}

func checkSides(sides ...int) error {
	for _, side := range sides {
		if side < 1 || side > maxSide {
			return fmt.Errorf("a side of %d pixels is not in 1..%d", side, maxSide)
		}
	}
	return nil
}

func (c *config) setSize(raw json.RawMessage) error {
	s, err := parseSizes(raw)
	c.shortest, c.width, c.height = s.square+s.Shortest, s.Width, s.Height
	return err
}

func (c *config) setCrop(raw json.RawMessage) error {
	s, err := parseSizes(raw)
	if err == nil && s.Shortest != 0 {
		return fmt.Errorf("shortest_edge is not supported here")
	}
	c.cropW, c.cropH = s.square+s.Width, s.square+s.Height
	return err
}

// output is the size of the result.
func (c *config) output() (width, height int) {
	if c.crop {
		return c.cropW, c.cropH
	}
	return c.width, c.height
}

// layout returns the layout for a picture of the given size. The roundings are those of
// transformers: the longer side is truncated to whole pixels; the odd pixel of a crop is cut on the
// right and at the bottom, that of a padding is added on the left and at the top.
func (c *config) layout(width, height int) layout {
	if c.openCLIP {
		return c.openCLIPLayout(width, height)
	}
	l := layout{width: width, height: height}
	switch {
	case c.resize && c.shortest == 0:
		l.width, l.height = c.width, c.height
	case c.resize && width <= height:
		l.width, l.height = c.shortest, c.shortest*height/width
	case c.resize:
		l.width, l.height = c.shortest*width/height, c.shortest
	}
	l.boxW, l.boxH = c.output()
	l.left, l.top = offset(l.width, l.boxW), offset(l.height, l.boxH)
	return l
}

func offset(size, box int) int {
	if size >= box {
		return (size - box) / 2
	}
	return -((box - size + 1) / 2)
}
