// Package gate bounds how much work runs at once and how much may wait for it.
//
// A Gate has a fixed number of permits and a queue of waiters, first come first served. A request
// first Enters: it takes a Slot, or gets ErrFull, so that every request inside is counted, whether
// it prepares, waits or works. A Slot joins the queue, and its Waiter becomes a Permit; each of the
// three is returned exactly once.
//
// The package starts no goroutines and runs no work of its own.
package gate
