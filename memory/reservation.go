package memory

import (
	"context"
	"time"
)

// An Account is what a caller's reservations belong to. The zero Account reserves nothing.
type Account struct {
	budget *Budget
	name   string
}

// Account returns the account of a caller. It takes memory only while it holds some.
func (b *Budget) Account(name string) Account { return Account{b, name} }

type key struct{}

// With returns a context that carries an account.
func With(ctx context.Context, a Account) context.Context {
	return context.WithValue(ctx, key{}, a)
}

// From returns the account that a context carries, else a zero one.
func From(ctx context.Context) Account {
	a, _ := ctx.Value(key{}).(Account)
	return a
}

// Reserve returns a Reservation that holds nothing yet.
func (a Account) Reserve(kind Kind) *Reservation { return &Reservation{account: a, kind: kind} }

// A Reservation is memory that one piece of work holds. It is for one goroutine at a time. It takes
// from the budget in steps, so that growing by little costs no lock.
type Reservation struct {
	account Account
	kind    Kind
	waited  time.Duration // for memory, since some was free at once
	needed  int64
	granted int64 // guarded by the budget
}

// The steps that a reservation takes from the budget: a small first one, as most requests are
// small.
const (
	firstStep = 4 << 10
	step      = 64 << 10
)

func rounded(bytes int64) int64 {
	if bytes <= 0 {
		return 0
	}
	if bytes <= firstStep {
		return firstStep
	}
	return (bytes + step - 1) / step * step
}

// Grow reserves n more bytes. What does not fit waits, until the waits in a row come to MaxWait.
// Its errors are an *apierr.Error with apierr.CodeMemoryExhausted and the cause of ctx; the
// reservation is then as it was.
func (r *Reservation) Grow(ctx context.Context, n int64) error {
	if r.account.budget == nil {
		return nil
	}
	if missing := rounded(r.needed+n) - r.granted; missing > 0 {
		if err := r.account.budget.grow(ctx, r, missing); err != nil {
			return err
		}
	}
	r.needed += n
	return nil
}

// Try reserves n more bytes, or reports that they are not free now.
func (r *Reservation) Try(n int64) bool {
	if r.account.budget == nil {
		return true
	}
	if missing := rounded(r.needed+n) - r.granted; missing > 0 && !r.account.budget.try(r, missing) {
		return false
	}
	r.needed += n
	return true
}

// Shrink returns n bytes.
func (r *Reservation) Shrink(n int64) {
	if r.account.budget == nil {
		return
	}
	r.needed -= n
	if spare := r.granted - rounded(r.needed); spare > 0 {
		r.account.budget.release(r, spare)
	}
}

// Close returns all that is held. Further calls do nothing.
func (r *Reservation) Close() {
	r.Shrink(r.needed)
	r.waited = 0
}
