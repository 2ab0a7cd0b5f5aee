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
	tries     = 6                // in a row, without getting further
	firstWait = time.Second      // doubled after each
	longWait  = 5 * time.Minute  // as long as the hub counts requests for; who asks for more is not waited for
	silence   = 30 * time.Second // a server that has sent nothing for so long is left
)

// temporary marks an error after which another try may go well.
type temporary struct {
	error
	after time.Duration // what the server asked for; 0: nothing
}

func (t temporary) Unwrap() error { return t.error }

// persist tries until f does well, fails for good, or has failed too often without getting further.
func (c *Client) persist(ctx context.Context, f func() (further bool, err error)) error {
	for failed, wait := 0, firstWait; ; {
		further, err := f()
		if ctx.Err() != nil && err != nil {
			return context.Cause(ctx)
		}
		var t temporary
		if !errors.As(err, &t) {
			return err
		}
		if further {
			failed, wait = 0, firstWait
		}
		if failed++; failed == tries {
			return fmt.Errorf("given up after %d tries: %w", tries, t.error)
		}
		if t.after > longWait {
			return fmt.Errorf("%w: it asks to come back in %v", t.error, t.after.Round(time.Second))
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

// rateLimit is the hub's header of how many requests are left, and for how many seconds: "api";r=0;t=55
// (draft-ietf-httpapi-ratelimit-headers-09).
var rateLimit = regexp.MustCompile(`;\s*r=0\s*;\s*t=([0-9]{1,6})\b`)

// retryAfter reads how long a server asks to be left alone: Retry-After in seconds or as a date, else the hub's own
// RateLimit.
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
			return time.Duration(seconds+1) * time.Second // they are rounded down
		}
	}
	return 0
}

var errSilent = fmt.Errorf("nothing came for %v", silence)

// watch returns a context that ends when alive has not been called for too long. Stop frees it.
func watch(ctx context.Context) (watched context.Context, alive, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(silence, func() { cancel(errSilent) })
	return watched, func() { timer.Reset(silence) }, func() {
		timer.Stop()
		cancel(nil)
	}
}
