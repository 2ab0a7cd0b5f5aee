package dialect

import (
	"fmt"
	"net/http"
)

// UpstreamAnswer is the error response of an upstream, which its client gets unchanged: a request
// that the upstream rejected. It is an error, and the cause of others.
type UpstreamAnswer struct {
	Status int         // 400 or more
	Header http.Header // those that matter to a client, no others
	Body   []byte
}

// Error implements error; the body is not part of it, as errors are logged.
func (a *UpstreamAnswer) Error() string {
	return fmt.Sprintf("the upstream answered %d %s", a.Status, http.StatusText(a.Status))
}
