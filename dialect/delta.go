package dialect

import "penstock/sse"

// Delta is one step of a generation: typed values, and, if a server made it, the server's own event.
// A model emits a Delta without any value when it begins, so that dialects whose streams open with
// an event can send it.
//
// A model that relays a server's stream to a client of the same dialect may leave out the typed
// values; it sets them if the request is in another dialect.
type Delta struct {
	Choice    int
	Text      string
	Reasoning string
	Refusal   string
	Calls     []ToolCallDelta
	Logprobs  []TokenLogprob // of the tokens of Text
	Finish    string         // stop, length, tool_calls, …; "" until the choice's last delta
	Usage     *Usage         // once, after all choices have finished

	// Fingerprint names the model's configuration (OpenAI's system_fingerprint); on the first
	// delta, or "".
	Fingerprint string

	// Event is the server's own event, and Dialect what it is in; "" if there is none.
	Dialect Name
	Event   sse.Event
	// Final means that Event ends the response (SignLast).
	Final bool
}

// Sign is what an event of a server's stream means to a relay.
type Sign int

// Signs, in the order of what they weigh: of an event with several the highest counts.
const (
	SignEmpty     Sign = iota // nothing at all: not passed on
	SignQuiet                 // passed on, but brings nothing new: a role, a usage, a beginning
	SignContent               // brings content
	SignComplete              // passed on; the response has all its parts, and more may follow
	SignLast                  // passed on; it is the end
	SignDone                  // the end: not passed on
	SignError                 // the server reports an error
	SignMalformed             // no event of this dialect
)

// Remote is a protocol as a client of a server sees it: what a model that lives on another server
// needs of a dialect.
type Remote interface {
	Name() Name
	// Path returns the path of the endpoint below a server's base URL, as "/chat/completions".
	Path() string
	// Body returns the body of the request to a server whose model has that name. A request in
	// this dialect keeps its own bytes but for the model's name; any other is written anew from
	// its Parameters, streamed and with usage. Its error is an *Error.
	Body(r *Request, model string) ([]byte, error)
	// Reader returns what reads the server's events in response to the request. typed: the typed
	// values of deltas are wanted, as the client's dialect is another one.
	Reader(r *Request, typed bool) Reader
}

// Reader understands the events of one response as far as a relay must. It is for one goroutine.
type Reader interface {
	// Read returns the delta that an event makes, with the event in it, and what it means. It
	// keeps nothing of the event's memory; the delta refers to it.
	Read(e sse.Event) (Delta, Sign)
	// Whole reports whether the response may end here although nothing said that it does.
	Whole() bool
	// End returns how the response ended, once it has.
	End() End
}
