package failover

// Outcome is how one attempt, a request to a server, ended.
type Outcome string

// The outcomes of attempts.
const (
	OutcomeOK           Outcome = "ok"           // the response is complete
	OutcomeResumed      Outcome = "rescued"      // the response continued one that had failed, and is complete
	OutcomeRejected     Outcome = "rejected"     // a 4xx that the client got
	OutcomeRateLimited  Outcome = "rate_limited" // 429, or 503 with Retry-After
	OutcomeUnauthorized Outcome = "unauthorized" // the gateway's key was refused
	OutcomeError        Outcome = "error"        // 5xx, an error event, or a malformed response
	OutcomeUnreachable  Outcome = "unreachable"  // no connection
	OutcomeTimeout      Outcome = "timeout"
	OutcomeCut          Outcome = "cut"      // the response ended early
	OutcomeDiffers      Outcome = "differs"  // the response did not repeat what the client already had
	OutcomeCanceled     Outcome = "canceled" // the client left, or another server's response was passed on
)

// Observer is notified of requests to servers. It is called from many goroutines.
type Observer interface {
	// Attempted is called at the end of each request to a server.
	Attempted(model, server string, o Outcome)
}

type noObserver struct{}

func (noObserver) Attempted(string, string, Outcome) {}

// health is what the end of an attempt shows of the server's health.
type health int

const (
	healthUnknown health = iota // the client left, or the server limits its rate
	healthy
	unhealthy
)

func (f *Failure) health() health {
	switch f.Outcome {
	case OutcomeError, OutcomeUnreachable, OutcomeTimeout, OutcomeCut, OutcomeUnauthorized:
		return unhealthy
	case OutcomeRejected, OutcomeDiffers:
		return healthy
	case OutcomeOK, OutcomeResumed, OutcomeRateLimited, OutcomeCanceled:
	}
	return healthUnknown
}
