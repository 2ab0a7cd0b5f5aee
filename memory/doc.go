// Package memory is the one budget for the memory that requests may take: what a process has,
// shared out between its callers.
//
// Whatever grows with what clients send or leave behind is reserved before it is allocated: bodies
// as they arrive, what decoding makes of them, pictures, events kept of streams. A Reservation has
// a kind, for metrics, and belongs to the Account of a caller, which travels in the request's
// context, so that a model needs to know neither the gateway nor the budget.
//
//	budget := memory.New(1 << 30)
//	ctx = memory.With(ctx, budget.Account("192.0.2.1"))
//	…
//	body := memory.From(ctx).Reserve(memory.Body)
//	defer body.Close()
//	if err := body.Grow(ctx, n); err != nil {
//		return err // an *apierr.Error: 503, with a time to wait
//	}
//
// # Who gets what
//
// A caller alone may hold nine tenths of the budget: the last tenth lets another caller begin. As
// soon as another caller waits, none may grow beyond half. What does not fit waits for at most
// MaxWait. Of those that wait, the caller that holds least comes first, and the requests of one
// caller in the order they came. So a caller that fills the budget delays itself most.
//
// What caches keep belongs to no caller. It is at most a quarter of the budget, is never waited
// for, and is given back as entries are deleted.
//
// # Why no deadlock is possible
//
// A request may hold some memory and wait for more, and so may all others: then none would ever
// finish. But none waits longer than MaxWait. The one that has waited longest fails then, its
// handler returns, and what it held is given to the others. A request that fails has had no effect
// yet but the memory it held, since memory is reserved before a model runs or a response begins.
//
// A zero Account, which a context without one has, reserves nothing and never fails. The package
// measures nothing: a reservation is what its owner says it is.
package memory
