package kinds

import (
	"penstock/configs"
	"penstock/modeldir"
)

// DType names the form of a local model's graphs; "": its kind chooses.
type DType modeldir.DType

// UnmarshalText parses a form's name in transformers.js.
func (d *DType) UnmarshalText(text []byte) error {
	*d = DType(text)
	var names []string
	for _, known := range modeldir.DTypes() {
		names = append(names, string(known))
	}
	return configs.OneOf(string(text), names...)
}
