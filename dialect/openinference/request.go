package openinference

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"strconv"

	"penstock/apierr"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"penstock/strictjson"
)

// An Error is the error of a request that cannot be read. Its message is for the client.
type Error struct{ Message string }

// Error implements error.
func (e *Error) Error() string { return e.Message }

func wrong(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, apierr.ShortenAll(args)...)}
}

// A Request is a request for a model's outputs.
type Request struct {
	ID      string // the client's own, for the response; may be empty
	Inputs  []Tensor
	Outputs []Output // those requested; none: all
	Binary  bool     // outputs whose Binary is nil are requested as bytes
}

// An Output is one requested tensor.
type Output struct {
	Name   string
	Binary *bool // whether as bytes; nil: as Request.Binary
}

// lengthParameter is the parameter of a media type with the length of the JSON part.
const lengthParameter = "inference-header-content-length"

// HeaderName is the HTTP header with that length.
const HeaderName = "Inference-Header-Content-Length"

// MediaType adds the header's value to the media type of a binary message; "" adds nothing.
func MediaType(mediaType, length string) string {
	if length == "" {
		return mediaType
	}
	return mime.FormatMediaType("application/octet-stream", map[string]string{lengthParameter: length})
}

// HeaderLength returns the header's value in a media type, "" if it has none.
func HeaderLength(mediaType string) string {
	_, params, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return ""
	}
	return params[lengthParameter]
}

// wireRequest is a Request as it is written. Unknown members are ignored, as the protocol demands
// it of parameters.
type wireRequest struct {
	ID         string `json:"id"`
	Parameters struct {
		Binary bool `json:"binary_data_output"`
	} `json:"parameters"`
	Inputs []struct {
		Name       string     `json:"name"`
		Shape      dimensions `json:"shape"`
		Datatype   string     `json:"datatype"`
		Parameters struct {
			Size *int `json:"binary_data_size"`
		} `json:"parameters"`
		Data span `json:"data"`
	} `json:"inputs"`
	Outputs []struct {
		Name       string `json:"name"`
		Parameters struct {
			Binary *bool `json:"binary_data"`
		} `json:"parameters"`
	} `json:"outputs"`
}

// maxDimensions is how many dimensions a shape may have; ONNX Runtime has no tensor with more than
// a few.
const maxDimensions = 64

// dimensions are the dimensions of a tensor, bounded in number: as int64 a digit takes many times
// its size.
type dimensions []int64

// UnmarshalJSON reads a list of at most maxDimensions numbers.
func (d *dimensions) UnmarshalJSON(data []byte) error {
	if bytes.Count(data, []byte{','}) >= maxDimensions {
		return errors.New("too many dimensions")
	}
	return json.Unmarshal(data, (*[]int64)(d))
}

// span is where a value is in the body, which may be too large to be copied. It is empty if there
// is no value.
type span struct{ start, end int64 }

// UnmarshalJSONFrom skips the value.
func (s *span) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	s.end = d.InputOffset()
	s.start = s.end - int64(len(value))
	return err
}

// ParseRequest reads the body of POST /v2/models/{name}/infer. Its error is an *Error.
func ParseRequest(mediaType string, body []byte) (*Request, error) {
	var rest []byte
	if header := HeaderLength(mediaType); header != "" {
		n, err := strconv.Atoi(header)
		if err != nil || n < 0 || n > len(body) {
			return nil, wrong("%s is %q, but the body has %d bytes", HeaderName, header, len(body))
		}
		body, rest = body[:n], body[n:]
	}
	if strictjson.Count(body, true) != nil {
		return nil, wrong("the request has too many inputs, outputs or dimensions for its size")
	}
	var w wireRequest
	if err := json.Unmarshal(body, &w); err != nil {
		if doubled, ok := errors.AsType[*jsontext.SyntacticError](err); ok && errors.Is(doubled, jsontext.ErrDuplicateName) {
			return nil, wrong("the request names %q twice", doubled.JSONPointer.LastToken())
		}
		return nil, wrong("the request is not the JSON that is wanted here, from %s on", position(err))
	}
	r := &Request{ID: w.ID, Binary: w.Parameters.Binary, Inputs: make([]Tensor, len(w.Inputs))}
	given := map[string]bool{}
	for i, in := range w.Inputs {
		if given[in.Name] {
			return nil, wrong("input %q is given twice", in.Name)
		}
		given[in.Name] = true
		t := &r.Inputs[i]
		t.Name, t.Shape = in.Name, in.Shape
		size, known := sizes[in.Datatype]
		n, err := count(in.Shape)
		switch {
		case !known:
			return nil, wrong("input %q has datatype %q: send %s, %s or %s", in.Name, in.Datatype, FP32, INT64, INT32)
		case err != nil:
			return nil, wrong("input %q: %v", in.Name, err)
		case in.Parameters.Size == nil:
			if err := t.setJSON(in.Datatype, n, body[in.Data.start:in.Data.end]); err != nil {
				return nil, wrong("input %q: %v", in.Name, err)
			}
		case *in.Parameters.Size != n*size || len(rest) < n*size:
			return nil, wrong("input %q needs %d bytes for its shape; it says %d, and %d are left in the body", in.Name, n*size, *in.Parameters.Size, len(rest))
		default:
			t.setBytes(in.Datatype, rest[:n*size])
			rest = rest[n*size:]
		}
	}
	if len(rest) > 0 {
		return nil, wrong("the body has %d bytes that belong to no input", len(rest))
	}
	named := map[string]bool{} // each once: a name costs the client little, and an output costs much
	for _, out := range w.Outputs {
		if named[out.Name] {
			return nil, wrong("output %q is named twice", out.Name)
		}
		named[out.Name] = true
		r.Outputs = append(r.Outputs, Output{out.Name, out.Parameters.Binary})
	}
	return r, nil
}

// position returns the position of an error in JSON, and no more.
func position(err error) string {
	switch e := err.(type) { //nolint:errorlint // the decoder returns these two as they are
	case *json.SemanticError:
		return fmt.Sprintf("%q", string(e.JSONPointer))
	case *jsontext.SyntacticError:
		return fmt.Sprintf("byte %d", e.ByteOffset)
	}
	return "it breaks off"
}
