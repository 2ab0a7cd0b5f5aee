package dialect

import (
	"net/url"

	"penstock/apierr"
	"penstock/sse"
)

// Name names a dialect: what a stream's log, a request and a delta say their bytes are in.
type Name string

// The dialects of this package.
const (
	Native      Name = "penstock"
	Chat        Name = "openai.chat"
	Completions Name = "openai.completions"
	Responses   Name = "openai.responses"
	Embeddings  Name = "openai.embeddings"
)

// Codec is one protocol for language models, as the server of its clients sees it. Codecs hold no
// state of requests: a codec is used by many goroutines at once.
type Codec interface {
	// Name returns the dialect's name.
	Name() Name
	// Decode reads what a gateway must know of a request, and keeps its bytes. What only the model
	// can judge is checked by Request.Parameters. Its error is rendered by Error.
	Decode(in Input) (*Request, error)
	// Stream returns the encoder of a streamed response to the request.
	Stream(r *Request) Encoder
	// Whole returns what gathers a whole response to the request.
	Whole(r *Request) Gatherer
	// Error renders a failure as an HTTP response. Any error will do: apierr.From is applied to
	// those that are of no type of this package's. requestID is shown where the dialect has a
	// place for it.
	Error(err error, requestID string) ErrorResponse
	// Notice renders what a reader learns beside a stream's events; ok is false where the dialect
	// has no event for it.
	Notice(n Notice) (e sse.Event, ok bool)
	// Ends reports whether a client would take the event for the end of a stream. Only a sealed
	// stream's terminal event may be one.
	Ends(e sse.Event) bool
}

// Input is a request's body or, where that is nil, its query.
type Input struct {
	Body      []byte
	Query     url.Values
	MediaType string // of Body, as the client named it; may be empty
}

// Notice is what a reader of a stream learns beside its events: a position in the queue, or, if
// that is 0, that the model has begun.
type Notice struct {
	Position int
	Model    string
}

// Encoder makes the events of one streamed response. It keeps ids, indexes and sequence numbers,
// and is for one goroutine. What it appends is good until its next call.
type Encoder interface {
	// Encode appends the events of deltas that arrived together. A delta's Event in the encoder's
	// own dialect is appended as it is; the last event of a dialect that ends with one (Ends) is
	// held back for End.
	Encode(into []sse.Event, deltas []Delta) ([]sse.Event, error)
	// End appends the events at the end of a complete stream, of which the last is the terminal
	// one.
	End(into []sse.Event, end End) ([]sse.Event, error)
	// Fail returns the terminal event of a stream that failed.
	Fail(err *apierr.Error) sse.Event
}

// Gatherer makes a whole response of deltas. It is for one goroutine.
type Gatherer interface {
	Add(deltas ...Delta) error
	// Whole returns the body of the response to a complete generation, JSON.
	Whole(end End) ([]byte, error)
}

// End is how a complete generation ended, as a whole.
type End struct {
	Reason string // stop, length, or a server's own
	Usage  Usage
}

// ErrorResponse is a failure as an HTTP response.
type ErrorResponse struct {
	Status int
	Header map[string][]string // Content-Type, and what an upstream sent for the client; may be nil
	Body   []byte
}
