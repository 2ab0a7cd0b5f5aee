// Package gate bounds how much work runs at once and how much may wait for it, and shares both out
// between callers.
//
// A Gate has a fixed number of permits and a queue of waiters. A request first Enters: it takes a
// Slot, or is refused, so that every request inside is counted, whether it prepares, waits or
// works. A Slot joins the queue, and its Waiter becomes a Permit; each of the three is returned
// exactly once.
//
// # Shares
//
// A caller may hold at most Config.PerCaller percent of all slots while another caller wants some:
// while another is inside, or was refused within the last ten seconds. Else it may hold all but a
// tenth. That tenth is for callers that hold no slot, so that the next caller gets in however many
// slots a few others hold; a gate of fewer than ten slots keeps none for it. Nothing is taken from
// a caller that holds more than its share when another comes; it only gets no more.
//
// # Turns
//
// Callers have turns, however many requests each of them has waiting: a permit goes to the first
// waiter of the caller that has gone longest without one. Interactive work goes before batch work,
// except that batch work gets every eighth permit for which both wait. Short and long work of one
// priority get permits by turns, and long work leaves Reserve permits to short work, which so never
// waits for the end of something that may take minutes.
//
// The package starts no goroutines and runs no work of its own.
package gate
