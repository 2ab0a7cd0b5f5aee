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

// UpstreamStatus is the cause of an error that its client gets with the status of an upstream's
// response, in place of the one that the error's code has: a request that the upstream rejected.
type UpstreamStatus struct{ Status int }

// Error implements error.
func (s *UpstreamStatus) Error() string {
	return fmt.Sprintf("the upstream's status is %d %s", s.Status, http.StatusText(s.Status))
}
