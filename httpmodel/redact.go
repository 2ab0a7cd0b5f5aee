package httpmodel

import "penstock/failover"

// redacted returns a text of the server without the secrets that it was sent.
func (x *exchange) redacted(text string) string { return x.secrets.Text(text) }

// redact removes the secrets from what a failure shows to clients and to the log.
func (x *exchange) redact(f *failover.Failure) *failover.Failure {
	f.Err.Message = x.secrets.Text(f.Err.Message)
	f.Err.Cause = x.secrets.Error(f.Err.Cause)
	return f
}
