package pixels

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A processorType is an image processor of transformers: what it does where the file leaves it
// open.
type processorType struct {
	names     []string // with the endings of nameEndings
	config    config
	mean, std []float64
}

// nameEndings are what transformers' names for one image processor end with, old and new.
var nameEndings = []string{"ImageProcessor", "ImageProcessorFast", "ImageProcessorPil", "FeatureExtractor"}

// The means and deviations that pictures are normalised with.
var (
	clipMean, clipStd = []float64{0.48145466, 0.4578275, 0.40821073}, []float64{0.26862954, 0.26130258, 0.27577711}
	half              = []float64{0.5, 0.5, 0.5}
)

// processorTypes are the known image processors; others use the same fields differently, or have
// other default values. CLIP's is the first.
var processorTypes = []processorType{
	{[]string{"CLIP", "ChineseCLIP", "JinaCLIP"}, config{resize: true, shortest: 224, crop: true, cropW: 224, cropH: 224}, clipMean, clipStd},
	{[]string{"Siglip"}, config{resize: true, width: 224, height: 224}, half, half},
}

// processorOf returns the image processor that the fields name, and deletes its name from them.
func processorOf(fields map[string]json.RawMessage, defaultType string) (processorType, error) {
	found := defaultType
	for _, name := range []string{"image_processor_type", "feature_extractor_type"} {
		raw, ok := fields[name]
		if !ok {
			continue
		}
		delete(fields, name)
		if err := json.Unmarshal(raw, &found); err != nil {
			return processorType{}, fmt.Errorf("%s: %s is not supported", name, raw)
		}
		if _, err := processorNamed(found); err != nil {
			return processorType{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if strings.HasPrefix(found, "JinaCLIP") {
		if err := renameJina(fields); err != nil {
			return processorType{}, err
		}
	}
	return processorNamed(found)
}

func processorNamed(name string) (processorType, error) {
	if name == "" {
		return processorTypes[0], nil
	}
	var known []string
	for _, kind := range processorTypes {
		for _, family := range kind.names {
			if ending, ok := strings.CutPrefix(name, family); ok && slices.Contains(nameEndings, ending) {
				return kind, nil
			}
			known = append(known, family+nameEndings[0])
		}
	}
	if strings.HasPrefix(name, "Siglip2") {
		return processorType{}, fmt.Errorf("%q is that of SigLIP 2 NaFlex, which keeps the proportions of pictures and is not supported; use a SigLIP 2 with a fixed size, such as siglip2-base-patch16-224", name)
	}
	return processorType{}, fmt.Errorf("%q is not supported, only %s", name, strings.Join(known, ", "))
}

// renameJina gives the fields of jina-clip's image processor the names that all others use.
func renameJina(fields map[string]json.RawMessage) error {
	for jina, name := range map[string]string{"mean": "image_mean", "std": "image_std", "interpolation": "resample"} {
		raw, ok := fields[jina]
		delete(fields, jina)
		if _, has := fields[name]; !ok || has {
			continue
		}
		switch string(raw) {
		case `"bicubic"`:
			raw = json.RawMessage("3")
		case `"bilinear"`:
			raw = json.RawMessage("2")
		}
		fields[name] = raw
	}
	if mode, ok := fields["resize_mode"]; ok && string(mode) != `"shortest"` {
		return fmt.Errorf("resize_mode: %s is not supported, only \"shortest\"", mode)
	}
	delete(fields, "resize_mode")
	delete(fields, "fill_color") // of what resize_mode "longest" adds
	if size, ok := fields["size"]; ok && fields["crop_size"] == nil {
		fields["crop_size"] = size
	}
	return nil
}

// perChannel are three numbers, or one for all three channels.
type perChannel []float64

// UnmarshalJSON reads either form.
func (c *perChannel) UnmarshalJSON(data []byte) error {
	var one float64
	if json.Unmarshal(data, &one) == nil {
		*c = perChannel{one, one, one}
		return nil
	}
	*c = nil // its array is the default's
	return json.Unmarshal(data, (*[]float64)(c))
}
