package openinference

import (
	"penstock/apierr"
	"penstock/dialect"
)

// Codec is the Open Inference Protocol: tensors in, tensors out.
type Codec struct{}

// ReasonBadTensor is the reason of errors about a request's tensors.
const ReasonBadTensor = "bad_tensor"

// Decode reads the body of POST /v2/models/{name}/infer. mediaType is as MediaType makes it. Its
// error is an *apierr.Error.
func (Codec) Decode(mediaType string, body []byte) (*Request, error) {
	r, err := ParseRequest(mediaType, body)
	if err != nil {
		return nil, apierr.InvalidInput(ReasonBadTensor, "%v", err)
	}
	return r, nil
}

// Encode returns the media type and the body of a response.
func (Codec) Encode(r *Response) (mediaType string, body []byte, err error) { return r.Encode() }

// Error renders a failure as the protocol does: its message, and nothing besides.
func (Codec) Error(err error, _ string) dialect.ErrorResponse {
	e := dialect.ErrorOf(err)
	return dialect.NewErrorResponse(e, struct {
		Error string `json:"error"`
	}{e.Message})
}
