package engine

import (
	"encoding/json"
	"fmt"

	"penstock/apierr"
	"penstock/strictjson"
)

// Input is a request as bytes.
type Input struct {
	MediaType  string              // of Body, as the client named it; may be empty
	Body       []byte              // whole; nil where the input is in Parameters
	Parameters map[string][]string // may be nil
	// Header has the client's headers by their canonical names, as dialect.Call.Header; may be nil.
	Header map[string][]string
}

// Output is a result as bytes.
type Output struct {
	MediaType string
	Body      []byte
}

// decoded runs a verb's Decode, which may panic.
func decoded[In any](decode func(Input) (In, error), in Input) (value In, err error) {
	err = guard(func() (err error) { value, err = decode(in); return err })
	return value, err
}

// decodeInput is the Decode of a verb without one of its own: exactly one JSON value with no
// unknown members or, if there is no body, the parameters by the types of In's fields.
func decodeInput[In any](in Input) (v In, err error) {
	if in.Body == nil {
		return decodeParameters[In](in.Parameters)
	}
	if err := strictjson.Decode(in.Body, &v); err != nil {
		return v, &apierr.Error{Code: apierr.CodeInvalidJSON, Message: "the body is not the JSON that is wanted here: " + err.Error(), Cause: err}
	}
	return v, nil
}

// encodeOutput is the Encode of a Predictor without one of its own.
func encodeOutput[Out any](out Out) (Output, error) {
	b, err := encodeJSON(out)
	return Output{MediaType: "application/json", Body: b}, err
}

// encodeJSON is the Encode of a verb without one of its own.
func encodeJSON[T any](v T) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b, nil
}
