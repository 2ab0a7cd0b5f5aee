package dialect

import (
	"net/url"

	"penstock/apierr"
	"penstock/sse"
)

// Name names a dialect: that of the bytes of a request, of a delta's event or of a stream's log.
type Name string

// The dialects of this package.
const (
	Native      Name = "penstock"
	Chat        Name = "openai.chat"
	Completions Name = "openai.completions"
	Responses   Name = "openai.responses"
	Embeddings  Name = "openai.embeddings"
)

// Codec is a protocol for language models, on the server's side. A codec holds no state of requests
// and may be used by many goroutines at once.
type Codec interface {
	// Name returns the dialect's name.
	Name() Name
	// Decode reads the members of a request that a gateway needs, and keeps the bytes. The rest is
	// checked by Request.Parameters. The codec's Error renders the errors of both.
	Decode(in Input) (*Request, error)
	// Stream returns the encoder of a streamed response to the request.
	Stream(r *Request) Encoder
	// Whole returns the gatherer of a whole response to the request.
	Whole(r *Request) Gatherer
	// Error renders an error as an HTTP response. An error of another type than this package's is
	// converted by apierr.From. requestID is part of the response if the dialect has a member for
	// it.
	Error(err error, requestID string) ErrorResponse
	// Notice renders what a client is sent between a stream's events; ok is false if the dialect
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

// Notice is news for a client between the events of a stream: its position in the queue, or, if
// that is 0, that the model has begun.
type Notice struct {
	Position int
	Model    string
}

// Encoder makes the events of one streamed response. It keeps ids, indexes and sequence numbers,
// and is for one goroutine. The events that it appends are valid until its next call.
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

// Preluder is an Encoder whose clients need more to see a failure than the event of Fail.
type Preluder interface {
	// Prelude returns the events of a stream that failed which come before the event of Fail. Fail
	// is called next. A client that has been sent nothing gets neither, but a status.
	Prelude(err *apierr.Error) []sse.Event
}

// Gatherer collects deltas into a whole response. It is for one goroutine.
type Gatherer interface {
	Add(deltas ...Delta) error
	// Whole returns the body of the response to a complete generation, JSON.
	Whole(end End) ([]byte, error)
}

// End is how a complete generation ended.
type End struct {
	Reason string // stop, length, or a server's own
	Usage  Usage
}

// ErrorResponse is a failure as an HTTP response.
type ErrorResponse struct {
	Status int
	Header map[string][]string // Content-Type, and headers of an upstream that are for the client
	Body   []byte
}
