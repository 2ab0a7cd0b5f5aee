// Package limit bounds how much of something all requests together use at one time: memory, cores,
// connections. A request waits for its share in turn, first come, first served, until its context
// ends.
//
// Each Limit has a Rank. A request acquires limits through a Holder, and only ever one of a higher
// rank than all that it holds; anything else panics, so that no order can ship that a test has not
// seen. It may release them in any order, and then acquire lower ranks again.
//
//	holder := new(limit.Holder)
//	memory, err := holder.Acquire(ctx, buffers, size)
//	if err != nil {
//		return err
//	}
//	defer memory.Release()
//
// # Why requests cannot wait for each other for ever
//
// Suppose that some do. Of all the limits they wait for, look at one of the highest rank. What is in
// use of it is held by requests that wait for no limit: they could only wait for a higher rank, and
// there is none. So they go on, and release it in the end, provided that whatever else they wait for
// ends by itself: a transfer with a timeout, a computation, a run of a model. The first in the queue
// then gets its share, and it never asks for more than there is (Acquire sees to that). Package clip
// lists its limits and what is waited for besides in limits.go.
//
// Goroutines of one request each have a Holder of their own, a Child of the request's: what the
// parent holds counts as held by the child.
//
// The package starts no goroutines, knows nothing of what it bounds, and imports nothing of ours.
package limit
