package auth

import "time"

// budget counts the tokens of one calendar period in UTC. It only ever moves to a later period: a
// clock that is set back returns nothing that was spent.
type budget struct {
	limit int64 // 0: none, but tokens are counted all the same
	since time.Time
	used  int64 // with what is reserved
	start func(time.Time) time.Time
	next  func(time.Time) time.Time
}

func daily() budget {
	return budget{start: startOfDay, next: func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }}
}

func monthly() budget {
	return budget{start: startOfMonth, next: func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }}
}

func startOfDay(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func startOfMonth(t time.Time) time.Time {
	y, m, _ := t.UTC().Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
}

// roll moves to the period of now.
func (b *budget) roll(now time.Time) {
	if start := b.start(now); start.After(b.since) {
		b.since, b.used = start, 0
	}
}

// wait returns how long it takes until n tokens fit, 0 if they do now.
func (b *budget) wait(n int64, now time.Time) time.Duration {
	b.roll(now)
	if b.limit == 0 || b.used+n <= b.limit {
		return 0
	}
	return max(time.Second, b.next(b.since).Sub(now))
}

// left returns how many tokens fit; ok is false if there is no limit.
func (b *budget) left(now time.Time) (n int64, ok bool) {
	b.roll(now)
	return max(0, b.limit-b.used), b.limit > 0
}

// add counts n tokens, which may be negative, in the period that began at since. Of a period that
// is over nothing is kept.
func (b *budget) add(n int64, since, now time.Time) {
	b.roll(now)
	if since.Equal(b.since) {
		b.used = max(0, b.used+n)
	}
}
