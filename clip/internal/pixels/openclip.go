package pixels

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// An openCLIP is a preprocess_cfg.json of open_clip, which other software writes too.
type openCLIP struct {
	Size          openCLIPSize `json:"size"`
	Mode          string       `json:"mode"`
	Mean          perChannel   `json:"mean"`
	Std           perChannel   `json:"std"`
	Interpolation string       `json:"interpolation"`
	Resize        string       `json:"resize_mode"`
	Fill          int          `json:"fill_color"`
}

// openCLIPSize is written as a number, or as a list of the height and the width.
type openCLIPSize struct{ height, width int }

// UnmarshalJSON reads either form.
func (s *openCLIPSize) UnmarshalJSON(data []byte) error {
	var side int
	if json.Unmarshal(data, &side) == nil {
		*s = openCLIPSize{side, side}
		return nil
	}
	var sides []int
	if err := json.Unmarshal(data, &sides); err != nil || len(sides) < 1 || len(sides) > 2 {
		return fmt.Errorf("%s is neither a number nor a list of the height and the width", data)
	}
	*s = openCLIPSize{sides[0], sides[len(sides)-1]}
	return nil
}

// parseOpenCLIP reads a preprocess_cfg.json. Missing fields have open_clip's defaults, and unknown
// ones are ignored, as it does.
func parseOpenCLIP(data []byte) (config, error) {
	file := openCLIP{
		Size: openCLIPSize{224, 224}, Mode: "RGB", Mean: slices.Clone(clipMean), Std: slices.Clone(clipStd),
		Interpolation: "bicubic", Resize: "shortest",
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return config{}, err
	}
	c := config{openCLIP: true, resize: true, cropW: file.Size.width, cropH: file.Size.height, crop: true, filter: filters[3]}
	switch file.Resize {
	case "squash":
		c.crop, c.width, c.height = false, file.Size.width, file.Size.height
	case "longest":
		c.longest = true
	case "shortest":
	default:
		return config{}, fmt.Errorf("resize_mode: %q is not supported, only shortest, longest and squash", file.Resize)
	}
	switch file.Interpolation {
	case "bilinear":
		if file.Size.width == file.Size.height || file.Resize != "shortest" { // open_clip forgets it otherwise
			c.filter = filters[2]
		}
	case "bicubic", "random": // random is for training
	default:
		return config{}, fmt.Errorf("interpolation: %q is not supported, only bicubic and bilinear", file.Interpolation)
	}
	if file.Mode != "RGB" {
		return config{}, fmt.Errorf("mode: %q is not supported, only RGB", file.Mode)
	}
	if c.longest && file.Fill != 0 {
		return config{}, fmt.Errorf("fill_color: %d is not supported with resize_mode longest, only 0", file.Fill)
	}
	if err := checkSides(file.Size.height, file.Size.width); err != nil {
		return config{}, fmt.Errorf("size: %w", err)
	}
	if len(file.Mean) != 3 || len(file.Std) != 3 || slices.Contains(file.Std, 0) {
		return config{}, errors.New("mean, std: they must be three numbers each, for red, green and blue, and no deviation 0")
	}
	for channel := range c.value {
		for v := range c.value[channel] {
			c.value[channel][v] = (float32(v)/255 - float32(file.Mean[channel])) / float32(file.Std[channel])
		}
	}
	return c, nil
}

// openCLIPLayout is the layout that open_clip's transform makes of torchvision's: sizes and
// offsets are rounded to the nearest, halves to the even number; but the longer side is truncated
// where the picture is to be square.
func (c *config) openCLIPLayout(width, height int) layout {
	boxW, boxH := c.output()
	l := layout{boxW: boxW, boxH: boxH, width: boxW, height: boxH}
	if !c.crop {
		return l
	}
	byWidth, byHeight := float64(width)/float64(boxW), float64(height)/float64(boxH)
	ratio := min(byWidth, byHeight)
	if c.longest {
		ratio = max(byWidth, byHeight)
	}
	switch square := boxW == boxH && !c.longest; {
	case square && width <= height:
		l.height = boxW * height / width
	case square:
		l.width = boxH * width / height
	default:
		l.width = max(1, int(math.RoundToEven(float64(width)/ratio)))
		l.height = max(1, int(math.RoundToEven(float64(height)/ratio)))
	}
	l.left, l.top = openCLIPOffset(l.width, boxW), openCLIPOffset(l.height, boxH)
	return l
}

// openCLIPOffset is where a crop begins, below 0 for a padding.
func openCLIPOffset(size, box int) int {
	if size < box {
		return -((box - size) / 2)
	}
	return int(math.RoundToEven(float64(size-box) / 2))
}
