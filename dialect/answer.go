package dialect

import (
	"fmt"
	"net/http"
)

// UpstreamAnswer is an upstream's HTTP answer that a client gets as it was: a rejection
// that is between the two of them. It travels as an error, in the cause of others.
type UpstreamAnswer struct {
	Status int         // 400 or more
	Header http.Header // those that matter to a client, no others
	Body   []byte
}

// Error implements error; the body stays out of logs.
func (a *UpstreamAnswer) Error() string {
	return fmt.Sprintf("the upstream answered %d %s", a.Status, http.StatusText(a.Status))
}
