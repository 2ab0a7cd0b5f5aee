package auth

import "time"

// perToken is how many units a bucket counts a token as: as many as there are microseconds in a
// minute, so that a bucket of n tokens a minute gains exactly n units a microsecond.
const perToken = int64(time.Minute / time.Microsecond)

// bucket is a token bucket that holds up to a minute's tokens, and is full at first. It counts in
// integers and rounds nothing. The zero bucket limits nothing.
type bucket struct {
	limit int64     // tokens a minute; 0: no limit
	level int64     // in units; below 0 where more was used than had been reserved
	at    time.Time // when level was right
}

// setLimit changes the limit. What has been spent stays spent: a bucket is never fuller than
// before, unless it had no limit.
func (b *bucket) setLimit(limit int64, now time.Time) {
	if limit == b.limit {
		return
	}
	b.refill(now)
	full := limit * perToken
	if b.limit == 0 {
		b.level = full
	}
	b.limit, b.level, b.at = limit, min(b.level, full), now
}

// refill adds what has flowed in since the last time. The part of a microsecond that is left over
// counts the next time.
func (b *bucket) refill(now time.Time) {
	passed := now.Sub(b.at).Microseconds()
	if b.limit == 0 || passed <= 0 {
		return
	}
	full := b.limit * perToken
	b.at = b.at.Add(time.Duration(passed) * time.Microsecond)
	if missing := full - b.level; passed >= (missing+b.limit-1)/b.limit {
		b.level, b.at = full, now
		return
	}
	b.level += passed * b.limit
}

// wait returns how long it takes until n tokens can be taken, 0 if they can now. ok is false if the
// bucket can never hold so many.
func (b *bucket) wait(n int64, now time.Time) (wait time.Duration, ok bool) {
	if b.limit == 0 {
		return 0, true
	}
	b.refill(now)
	if n > b.limit {
		return 0, false
	}
	return b.until(n*perToken, now), true
}

// until returns how long it takes until the level is reached. The bucket has been refilled.
func (b *bucket) until(level int64, now time.Time) time.Duration {
	missing := level - b.level
	if missing <= 0 {
		return 0
	}
	flow := time.Duration((missing+b.limit-1)/b.limit) * time.Microsecond
	return flow - now.Sub(b.at)
}

// take takes n tokens, or returns -n, without a check.
func (b *bucket) take(n int64, now time.Time) {
	if b.limit == 0 {
		return
	}
	b.refill(now)
	b.level = min(b.level-n*perToken, b.limit*perToken)
}

// full reports whether the bucket is as a new one.
func (b *bucket) full(now time.Time) bool {
	b.refill(now)
	return b.limit == 0 || b.level == b.limit*perToken
}

// meter returns what a client is told of the bucket.
func (b *bucket) meter(now time.Time) Meter {
	if b.limit == 0 {
		return Meter{}
	}
	b.refill(now)
	return Meter{
		Limit:     b.limit,
		Remaining: max(0, b.level) / perToken,
		Reset:     b.until(b.limit*perToken, now),
	}
}

// Meters are the state of both limits by the minute.
type Meters struct{ Requests, Tokens Meter }

// Meter is the state of a limit by the minute: how much it is, how much of it is left, and when it
// is all there again. A Limit of 0 is none.
type Meter struct {
	Limit, Remaining int64
	Reset            time.Duration
}
