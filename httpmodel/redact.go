package httpmodel

import (
	"penstock/failover"
	"penstock/outbound"
)

// redacted returns a text of the server without the secrets that it was sent.
func (x *exchange) redacted(text string) string {
	return outbound.Redact(text, x.server.out.Secrets()...)
}

// redact removes the secrets from what a failure shows to clients and to the log.
func (x *exchange) redact(f *failover.Failure) *failover.Failure {
	f.Err.Message = x.redacted(f.Err.Message)
	return f
}
