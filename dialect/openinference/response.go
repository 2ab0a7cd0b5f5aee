package openinference

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// A Response is a model's outputs.
type Response struct {
	Model   string
	ID      string // the request's
	Outputs []Tensor
	Binary  []bool // for each output, whether it is written as bytes; nil: none is
}

// wireTensor is an output as it is written.
type wireTensor struct {
	Name       string      `json:"name"`
	Datatype   string      `json:"datatype"`
	Shape      []int64     `json:"shape"`
	Parameters *wireBinary `json:"parameters,omitempty"`
	Data       any         `json:"data,omitempty"` // []float32 or []int64
}

type wireBinary struct {
	Size int `json:"binary_data_size"`
}

// Encode writes the response. Its media type has the length of the JSON part, if bytes follow.
func (r *Response) Encode() (mediaType string, body []byte, err error) {
	w := struct {
		Model   string       `json:"model_name"`
		ID      string       `json:"id,omitempty"`
		Outputs []wireTensor `json:"outputs"`
	}{r.Model, r.ID, make([]wireTensor, len(r.Outputs))}
	var raw []byte
	for i := range r.Outputs {
		t := &r.Outputs[i]
		out := wireTensor{Name: t.Name, Datatype: t.Datatype(), Shape: t.Shape}
		switch {
		case r.Binary != nil && r.Binary[i]:
			before := len(raw)
			raw = t.appendBytes(raw)
			out.Parameters = &wireBinary{len(raw) - before}
		case t.Floats != nil:
			out.Data = t.Floats
		default:
			out.Data = t.Ints
		}
		w.Outputs[i] = out
	}
	if body, err = json.Marshal(w); err != nil {
		return "", nil, fmt.Errorf("encode the response: %w", err)
	}
	if raw == nil {
		return "application/json", body, nil
	}
	return MediaType("application/octet-stream", strconv.Itoa(len(body))), append(body, raw...), nil
}

// Metadata describes a model's inputs and outputs: the response of GET /v2/models/{name}.
type Metadata struct {
	Name     string   `json:"name"`
	Versions []string `json:"versions,omitempty"`
	Platform string   `json:"platform"`
	Inputs   []Info   `json:"inputs"`
	Outputs  []Info   `json:"outputs"`
}

// Info describes a tensor. A dimension of any size is -1.
type Info struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"`
}
