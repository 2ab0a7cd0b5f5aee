package failover

import (
	"fmt"
	"time"
)

// Timeout is why a Watchdog cancels a request: what a server has not done in time. errors.Is finds
// it in the cause of the context, and in Failure.Err.
type Timeout int

// The timeouts.
const (
	NoConnection Timeout = iota
	NoFirstToken         // of a language model's stream
	NoFirstChunk         // of any other stream
	NoHead               // of a response that is not streamed
	NoWhole              // response, with its body
	Silence              // in the middle of a response
	NoEnd                // the response is complete, but did not end: it is no failure of its server
	noTotal              // Config.Total
)

// Error implements error.
func (t Timeout) Error() string {
	switch t {
	case NoConnection:
		return "no connection in time"
	case NoFirstToken:
		return "no first token in time"
	case NoFirstChunk:
		return "no first chunk in time"
	case NoHead:
		return "no response in time"
	case NoWhole:
		return "no whole response in time"
	case Silence:
		return "nothing in time, in the middle of a response"
	case NoEnd:
		return "the response is complete, but did not end in time"
	case noTotal:
	}
	return "no complete response in time"
}

// exceeded is a Timeout with the limit that was exceeded.
type exceeded struct {
	Timeout
	limit time.Duration
}

// Unwrap returns the Timeout.
func (e exceeded) Unwrap() error { return e.Timeout }

// message is the client's.
func (e exceeded) message() string {
	switch e.Timeout {
	case NoConnection:
		return fmt.Sprintf("the upstream accepted no connection within %s", e.limit)
	case NoFirstToken:
		return fmt.Sprintf("the upstream sent no first token within %s", e.limit)
	case NoFirstChunk:
		return fmt.Sprintf("the upstream sent no first chunk within %s", e.limit)
	case NoHead:
		return fmt.Sprintf("the upstream sent no response within %s", e.limit)
	case NoWhole:
		return fmt.Sprintf("the upstream sent no whole response within %s", e.limit)
	case Silence:
		return fmt.Sprintf("the upstream sent nothing for %s in the middle of its response", e.limit)
	case NoEnd, noTotal:
	}
	return fmt.Sprintf("the upstream sent no complete response within %s", e.limit)
}
