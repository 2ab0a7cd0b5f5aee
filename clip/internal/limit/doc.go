// Package limit bounds how much of something all requests together use at one time: memory, cores,
// connections. A request waits for its share until its context ends. Callers, which are told apart
// by the memory.Account in their context, have turns, shared out by the work they have: what is
// little work does not wait behind what is much. The requests of one caller are served in the order
// they came: a caller with hundreds of large pictures delays itself most.
//
// Each Limit has a Rank. A request acquires limits through a Holder, and only ever one of a higher
// rank than all that it holds; anything else panics, so that no order can ship that a test has not
// seen. It may release them in any order, and then acquire lower ranks again.
//
//	holder := new(limit.Holder)
//	core, err := holder.Acquire(ctx, cores, 1)
//	if err != nil {
//		return err
//	}
//	defer core.Release()
//
// Goroutines of one request each have a Holder of their own, a Child of the request's: what the
// parent holds counts as held by the child.
//
// # Why no deadlock is possible
//
// Suppose that some requests wait for each other. Of the limits they wait for, take one of the
// highest rank. Each share of it is held by a goroutine that does not wait for a limit: it, and any
// child that it waits for, could only wait for one of a higher rank, and there is none. So it goes
// on and releases its share, provided that all else it waits for ends by itself: a transfer with a
// timeout, a computation, a run of a model. The one whose turn it is then gets what it waits for,
// since no request is for more than the capacity: a contradiction. The ranks, in their order, are
// documented with what is waited for while each is held.
//
// The package starts no goroutines.
package limit
