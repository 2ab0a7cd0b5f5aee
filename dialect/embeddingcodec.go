package dialect

import "encoding/json"

// EmbeddingCall is a request for embeddings: the client's own bytes, which a model that computes
// them reads with Parse.
type EmbeddingCall struct {
	Call
	ignored

	parsed *EmbeddingRequest // of a call that is no client's
}

// NewEmbeddingCall returns the call of a request that has been parsed and checked already, as a
// part of another one. It has no bytes.
func NewEmbeddingCall(r *EmbeddingRequest) *EmbeddingCall {
	return &EmbeddingCall{Call: Call{Model: r.Model, Dialect: Embeddings}, parsed: r}
}

// Parse reads and checks the request. Members that only advise a server, and unknown ones, are
// recorded as ignored. Its error is an *Error.
func (c *EmbeddingCall) Parse() (*EmbeddingRequest, error) {
	if c.parsed != nil {
		return c.parsed, nil
	}
	r, err := ParseEmbeddingRequest(c.Body)
	if err != nil {
		return nil, err
	}
	names, _ := unused[EmbeddingRequest](c.Body, "user")
	c.Ignore(names...)
	return r, nil
}

// EmbeddingCodec is the protocol of POST /v1/embeddings.
type EmbeddingCodec struct{}

// Decode reads the members of a request that a gateway needs. Its error is an *Error.
func (EmbeddingCodec) Decode(in Input) (*EmbeddingCall, error) {
	p, body, err := peekRequest(in.Body)
	if err != nil {
		return nil, err
	}
	return &EmbeddingCall{Call: Call{Model: p.Model, Dialect: Embeddings, Body: in.Body, MediaType: in.MediaType, body: body}}, nil
}

// Encode returns the body of a response.
func (EmbeddingCodec) Encode(r *EmbeddingResponse) ([]byte, error) { return json.Marshal(r) }

// Error renders a failure.
func (EmbeddingCodec) Error(err error, _ string) ErrorResponse { return openAIError(err) }
