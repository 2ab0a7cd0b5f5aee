package auth

import (
	"sync"
	"time"
)

// defaultCompletion is how many tokens are reserved for a completion that the request does not
// bound: its bound is the model's, which is not known here.
const defaultCompletion = 512

// account is what a caller has used, whatever credential, model or route it used. It is kept for as
// long as any of that counts.
type account struct {
	mu       sync.Mutex
	limits   Limits
	requests bucket
	tokens   bucket
	day      budget
	month    budget
	streams  int64
	grants   int64 // that are not settled

	counters *counters
	dirty    func() // notes that there is something to save
}

func newAccount(l Limits, c *counters, dirty func()) *account {
	a := &account{day: daily(), month: monthly(), counters: c, dirty: dirty}
	a.setLimits(l)
	return a
}

// setLimits changes the limits. What has been used stays used.
func (a *account) setLimits(l Limits) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.limits = l
	a.requests.setLimit(l.RequestsPerMinute, now)
	a.tokens.setLimit(l.TokensPerMinute, now)
	a.day.limit, a.month.limit = l.TokensPerDay, l.TokensPerMonth
	a.day.roll(now)
	a.month.roll(now)
}

// Request is what a request needs of its caller's limits.
type Request struct {
	Prompt     int64 // tokens, estimated; 0 if none are counted
	Completion int64 // the most that may be generated; 0: the request does not say, or generates none
	Generates  bool  // it generates tokens
	Stream     bool  // it opens a stream
}

// admit reserves what a request needs, or returns a *Refusal and reserves nothing.
func (a *account) admit(r Request) (*Grant, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	l := a.limits
	if r.Stream && l.Streams > 0 && a.streams >= l.Streams {
		return nil, a.refuse(&Refusal{Reason: TooManyStreams, Limit: l.Streams, RetryAfter: time.Second})
	}
	if wait, _ := a.requests.wait(1, now); wait > 0 {
		return nil, a.refuse(&Refusal{Reason: TooManyRequests, Limit: l.RequestsPerMinute, RetryAfter: wait})
	}
	n := a.reservation(r, now)
	wait, ok := a.tokens.wait(n, now)
	switch {
	case !ok:
		return nil, a.refuse(&Refusal{Reason: TooLarge, Limit: l.TokensPerMinute, Requested: n})
	case wait > 0:
		return nil, a.refuse(&Refusal{Reason: TooManyTokens, Limit: l.TokensPerMinute, Requested: n, RetryAfter: wait})
	}
	// At least one token, as a request whose use nothing bounds needs some of its budget to be
	// left.
	if wait := a.day.wait(max(1, n), now); wait > 0 {
		return nil, a.refuse(&Refusal{Reason: DaySpent, Limit: l.TokensPerDay, Requested: n, RetryAfter: wait})
	}
	if wait := a.month.wait(max(1, n), now); wait > 0 {
		return nil, a.refuse(&Refusal{Reason: MonthSpent, Limit: l.TokensPerMonth, Requested: n, RetryAfter: wait})
	}
	a.requests.take(1, now)
	a.tokens.take(n, now)
	g := &Grant{account: a, reserved: n, day: a.day.since, month: a.month.since, stream: r.Stream}
	a.day.add(n, g.day, now)
	a.month.add(n, g.month, now)
	if r.Stream {
		a.streams++
	}
	a.grants++
	g.Meters = a.meters(now)
	if n > 0 {
		a.dirty() // a stream can run for long before it is settled
	}
	return g, nil
}

// reservation returns how many tokens are reserved for a request. One that does not bound its
// completion is not refused for the part that is only assumed.
func (a *account) reservation(r Request, now time.Time) int64 {
	if !a.limits.CountsTokens() {
		return 0
	}
	if !r.Generates || r.Completion > 0 {
		return saturate(r.Prompt, r.Completion)
	}
	assumed := int64(defaultCompletion)
	if a.tokens.limit > 0 {
		assumed = min(assumed, a.tokens.limit-r.Prompt)
	}
	for _, b := range []*budget{&a.day, &a.month} {
		if left, ok := b.left(now); ok {
			assumed = min(assumed, left-r.Prompt)
		}
	}
	return saturate(r.Prompt, max(1, assumed))
}

// saturate adds counts that a client may have chosen, up to what no sum with it can overflow.
func saturate(a, b int64) int64 {
	const most = 1 << 40
	return min(min(max(0, a), most)+min(max(0, b), most), most)
}

// refuse counts a refusal. The caller holds a.mu.
func (a *account) refuse(r *Refusal) error {
	r.Meters = a.meters(time.Now())
	a.counters.refuse(r.Reason)
	return r
}

func (a *account) meters(now time.Time) Meters {
	return Meters{a.requests.meter(now), a.tokens.meter(now)}
}

// Grant is an admitted request's reservation. One of Settle and Cancel ends it; of further calls
// only the first counts.
type Grant struct {
	Meters Meters // after this request

	account    *account
	reserved   int64
	day, month time.Time // the periods it was reserved in
	stream     bool
	over       bool // guarded by account.mu
}

// Settle corrects the reservation by what was really used. Estimated says that the numbers are an
// estimate.
func (g *Grant) Settle(prompt, completion int64, estimated bool) {
	if !g.end(saturate(prompt, completion), false) {
		return
	}
	c := g.account.counters
	c.requests.Add(1)
	c.prompt.Add(prompt)
	c.completion.Add(completion)
	if estimated {
		c.estimated.Add(prompt + completion)
	}
}

// Cancel returns all that was reserved, the request itself included: it was refused elsewhere.
func (g *Grant) Cancel() { g.end(0, true) }

// end returns the difference between what was reserved and what was used.
func (g *Grant) end(used int64, canceled bool) bool {
	a := g.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.over {
		return false
	}
	g.over = true
	now := time.Now()
	if canceled {
		a.requests.take(-1, now)
	}
	if g.stream {
		a.streams--
	}
	a.grants--
	a.tokens.take(used-g.reserved, now)
	a.day.add(used-g.reserved, g.day, now)
	a.month.add(used-g.reserved, g.month, now)
	if used > 0 || g.reserved > 0 {
		a.dirty()
	}
	return true
}

// spent reports whether anything that was used still counts.
func (a *account) spent() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.day.roll(now)
	a.month.roll(now)
	return a.grants > 0 || !a.requests.full(now) || !a.tokens.full(now) || a.day.used > 0 || a.month.used > 0
}
