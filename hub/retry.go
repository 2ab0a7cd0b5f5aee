package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

const (
	maxAttempts = 6                // in a row without an advance
	firstWait   = time.Second      // doubled after each attempt
	maxWait     = 5 * time.Minute  // the window of the hub's rate limits; a longer Retry-After is an error
	silence     = 30 * time.Second // an attempt ends when the server has sent nothing for so long
)

// temporary marks an error after which another attempt may succeed.
type temporary struct {
	error
	after time.Duration // the server's Retry-After; 0: none
}

func (t temporary) Unwrap() error { return t.error }

// retry calls f until it succeeds, fails with an error that is not temporary, or has failed
// maxAttempts times without an advance.
func (c *Client) retry(ctx context.Context, f func() (advanced bool, err error)) error {
	for failed, wait := 0, firstWait; ; {
		advanced, err := f()
		if ctx.Err() != nil && err != nil {
			return context.Cause(ctx)
		}
		var t temporary
		if !errors.As(err, &t) {
			return err
		}
		if advanced {
			failed, wait = 0, firstWait
		}
		if failed++; failed == maxAttempts {
			return fmt.Errorf("given up after %d attempts: %w", maxAttempts, t.error)
		}
		if t.after > maxWait {
			return fmt.Errorf("%w: retry after %v", t.error, t.after.Round(time.Second))
		}
		pause := max(wait, t.after)
		wait *= 2
		c.progress.Waiting(pause, t.error)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// rateLimit matches the hub's RateLimit header when no requests are left: "api";r=0;t=55, where t
// is in seconds (draft-ietf-httpapi-ratelimit-headers-09).
var rateLimit = regexp.MustCompile(`;\s*r=0\s*;\s*t=([0-9]{1,6})\b`)

// retryAfter returns how long to wait before the next request: Retry-After in seconds or as a date,
// otherwise the hub's RateLimit.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(date))
	}
	if m := rateLimit.FindStringSubmatch(h.Get("RateLimit")); m != nil {
		if seconds, err := strconv.Atoi(m[1]); err == nil {
			return time.Duration(seconds+1) * time.Second // the hub rounds down
		}
	}
	return 0
}

var errSilent = fmt.Errorf("no data for %v", silence)

// watch returns a context that ends with errSilent when alive has not been called for the duration
// of silence. stop releases its resources.
func watch(ctx context.Context) (watched context.Context, alive, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(silence, func() { cancel(errSilent) })
	return watched, func() { timer.Reset(silence) }, func() {
		timer.Stop()
		cancel(nil)
	}
}
