package dialect

import (
	"encoding/json"
	"net/http"
)

// Call is what a request for a model has, whatever its verb is: the client's own bytes, their
// dialect, and the destination of a remote model's response in the same dialect.
type Call struct {
	Model   string // as the client named it; "" if it did not
	Dialect Name
	Body    []byte // the client's own; nil if the request came as a query
	// MediaType is that of Body, as the client named it; may be empty.
	MediaType string

	// Credential is the client's own key, for upstreams that it is passed on to; may be empty.
	Credential string
	// Header has the client's headers, without those of its connection and without the credentials
	// that are for the gateway. It is not to be changed; nil: there are none.
	Header http.Header
	// Passthrough takes the response of a server in the client's own dialect; nil: the model
	// returns typed values only.
	Passthrough Passthrough

	body Body // Body, if it has been decoded by this package
}

// OwnBody returns the client's own bytes, for any server. Its error is an *Error.
func (c *Call) OwnBody() (Body, error) {
	if c.body.request != nil {
		return c.body, nil
	}
	_, body, err := peekRequest(c.Body)
	return body, err
}

// Passthrough receives a server's response as it is: the head once, then, unless the response is
// streamed, the body. It is called from the goroutine that runs the model.
type Passthrough interface {
	Head(status int, header http.Header)
	Write(p []byte) (int, error)
}

// Request is a request for a language model to generate.
type Request struct {
	Call
	Stream  bool // a stream is requested
	Typed   bool // deltas with typed values are wanted, also of a server that uses the client's dialect
	Choices int  // how many completions are requested in all, at least 1

	includeUsage bool                        // the client wants the usage in the stream
	parse        func() (*Parameters, error) // made by the codec that decoded the request
	parameters   *Parameters                 // what parse returned
	response     *ResponsesRequest           // of a request of /v1/responses, once parsed
	fields       map[string]json.RawMessage  // of a native request

	ignored
}

// NewRequest returns a Request for codecs outside this package. parse reads its parameters.
func NewRequest(c Call, stream bool, choices int, parse func() (*Parameters, error)) *Request {
	return &Request{Call: c, Stream: stream, Choices: max(1, choices), parse: parse}
}

// Parameters reads and checks the whole request. Unknown members are refused only if they are known
// to change a completion; see Parameters.Other and Parameters.Unused. A model that passes the bytes
// on does not need it. Its error is an *Error or an *apierr.Error. It is for one goroutine at a
// time, and parses once.
func (r *Request) Parameters() (*Parameters, error) {
	if r.parameters == nil {
		p, err := r.parse()
		if err != nil {
			return nil, err
		}
		r.parameters = p
	}
	return r.parameters, nil
}

// Parameters are the parameters of a request in any dialect. Pointers are nil where the request has
// no value; defaults are the model's.
type Parameters struct {
	Messages []Message // the conversation; nil: Prompt is given instead
	Prompt   *Prompt   // of a text completion

	MaxTokens         *int
	Temperature       *float64
	TopP              *float64
	FrequencyPenalty  *float64
	PresencePenalty   *float64
	LogitBias         map[string]float64 // by token id
	Seed              *int64
	Stop              []string
	Logprobs          *int // how many of the likeliest tokens to report with each; nil: no log probabilities
	N                 int  // completions of each prompt, at least 1
	Extensions             // top_k, min_p, repetition_penalty, ignore_eos, min_tokens
	Tools             []Tool
	ToolChoice        *ToolChoice
	ParallelToolCalls *bool
	ResponseFormat    *ResponseFormat
	ReasoningEffort   string
	Metadata          json.RawMessage
	User              string

	// Other are parameters without a field here that change what the model must do, by their names
	// in the request ("audio", "suffix"): a model refuses those it does not support.
	Other []OtherParameter

	// Unused are the names of the request's members that no field here is for, as unknown ones, and
	// "messages[].cache_control". A model that works without them passes them to Request.Ignore,
	// with those of its own.
	Unused []string

	// Names are the names of parameters in the request, for errors about them.
	Names ParameterNames
}

// OtherParameter is a parameter that Parameters has no field for.
type OtherParameter struct {
	Name  string
	Value json.RawMessage
}

// ParameterNames are the names of parameters that differ between dialects.
type ParameterNames struct {
	Input     string // messages, prompt, input
	MaxTokens string // max_completion_tokens, max_tokens, max_output_tokens
	Logprobs  string // top_logprobs, logprobs
	Format    string // response_format.type, text.format.type
}
