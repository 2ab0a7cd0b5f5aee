package upstream

import (
	"penstock/failover"
	"penstock/outbound"
)

// redactFailure removes secrets from all that a failure shows to clients and to the log. A response
// that the client gets as it is has been redacted before.
func redactFailure(f *failover.Failure, secrets outbound.Secrets) {
	f.Err.Message = secrets.Text(f.Err.Message)
	f.Err.Cause = secrets.Error(f.Err.Cause)
}
