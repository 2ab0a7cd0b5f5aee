package dialect

import "penstock/sse"

// Delta is one step of a generation: typed values, and, if a server made it, the server's own
// event. A Delta without any value says that the model has begun: the stream of a response opens
// with its events then. In chats it makes no chunk, as clients take the first for the first token.
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
	// delta, or "". By itself it is no value.
	Fingerprint string

	// Event is the server's own event, and Dialect what it is in; "" if there is none.
	Dialect Name
	Event   sse.Event
	// More are further events of the server that arrived together with Event, none of them final.
	More []sse.Event
	// Final means that Event ends the response (SignLast).
	Final bool
	// Held means that the server's response has failed, and that Event is what was held back of it:
	// an encoder makes no event of it, or is a Preluder. Only /v1/responses has such deltas.
	Held bool
	// Read says that a Reader of this package has read Event and More, and that no client takes one
	// of them for the end (Ends), unless Event is Final.
	Read bool
}

// appendRead appends an event that a Reader has read: to the last delta, if that has the events
// before it. A burst of chunks is then one delta, and each of its events costs little more than
// the copy of a few words. The memory of More is used again where into has been before.
func appendRead(into []Delta, name Name, e sse.Event) []Delta {
	if n := len(into); n > 0 && into[n-1].Read && !into[n-1].Final {
		into[n-1].More = append(into[n-1].More, e)
		return into
	}
	if len(into) == cap(into) {
		return append(into, Delta{Dialect: name, Event: e, Read: true})
	}
	into = into[:len(into)+1]
	d := &into[len(into)-1]
	*d = Delta{Dialect: name, Event: e, Read: true, More: d.More[:0]}
	return into
}

// ResetDeltas empties deltas for further use, and keeps only the memory of their slices.
func ResetDeltas(deltas []Delta) []Delta {
	for i := range deltas {
		more := deltas[i].More
		clear(more)
		deltas[i] = Delta{More: more[:0]}
	}
	return deltas[:0]
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

// Remote is a protocol as a client of a server uses it: what a model that runs on another server
// needs of a dialect.
type Remote interface {
	// Name returns the dialect that the server uses.
	Name() Name
	// Path returns the path of the endpoint below a server's base URL, as "/chat/completions".
	Path() string
	// Body returns the body of the request to a server. A request in this dialect keeps its own
	// bytes; any other is translated, and streamed. Its error is an *Error.
	Body(r *Request) (Body, error)
	// Reader returns the reader of a server's response to the request. asked says that the server
	// was asked for the usage although the client had not: what it adds for that is taken out.
	Reader(r *Request, asked bool) Reader
}

// Reader reads the events of one streamed response, and understands as much of them as a relay
// must. It is for one goroutine.
type Reader interface {
	// Read returns what the next event means. It keeps nothing of the event's memory.
	Read(e sse.Event) Sign
	// Trim returns the data of the event that was read without a member "error" that reports none,
	// which clients fail on, and without what the server has added because it was asked for the
	// usage. It changes their memory.
	Trim(data []byte) []byte
	// Deltas appends the deltas of an event that is passed on, which is the one that was read or a
	// part of it: the event itself, or typed values if the client's dialect is another one. They
	// refer to the event's memory.
	Deltas(into []Delta, e sse.Event) ([]Delta, error)
	// Rest appends what deltas with typed values have only once the response is complete.
	Rest(into []Delta) []Delta
	// Whole reports whether the response may end here although no event says that it does.
	Whole() bool
	// Text returns how many bytes of text have been read.
	Text() int
	// End returns how the response ended, once it has.
	End() End
}
