package auth

import (
	"errors"
	"time"
)

// The errors of Identify. None of them depends on which keys exist.
var (
	// ErrNoCredential reports a request without a key or token.
	ErrNoCredential = errors.New("the request has no API key")
	// ErrUnknown reports a key or token that is not valid.
	ErrUnknown = errors.New("the API key is not valid")
	// ErrConflict reports a request with two credentials that differ.
	ErrConflict = errors.New("the request has two different credentials")
	// ErrNoLimits reports a valid token that no entry of the configuration is for.
	ErrNoLimits = errors.New("nothing is allowed to this token")
	// ErrTooMany reports that no further caller's use can be counted for the time being.
	ErrTooMany = errors.New("too many callers are being counted")
	// ErrUnavailable reports that tokens cannot be checked: their issuer's keys are not known.
	ErrUnavailable = errors.New("the keys of the issuer are not available")
)

// Reason says which limit refused a request.
type Reason string

// The reasons of refusals.
const (
	TooManyRequests Reason = "requests"     // requests_per_minute
	TooManyTokens   Reason = "tokens"       // tokens_per_minute
	TooLarge        Reason = "too_large"    // more than tokens_per_minute at once: waiting does not help
	DaySpent        Reason = "tokens_day"   // tokens_per_day
	MonthSpent      Reason = "tokens_month" // tokens_per_month
	TooManyStreams  Reason = "streams"      // streams
	NotAllowed      Reason = "model"        // models
)

// Refusal reports a request that a limit of its caller refused. Nothing was charged for it.
type Refusal struct {
	Reason     Reason
	Limit      int64
	Requested  int64         // tokens
	RetryAfter time.Duration // 0: waiting does not help
	Meters     Meters        // what is left all the same
}

// Error implements error.
func (r *Refusal) Error() string { return "over the limit of " + string(r.Reason) }
