// Package gate bounds how much work runs at once and how much may wait for it.
//
// A Gate has a fixed number of permits and a line of those who wait for one, first come first served. Its door comes
// before its line: Enter takes a Slot inside the gate or says ErrFull, so that whoever is inside, preparing, waiting or
// working, is counted. A Slot then joins the line, a Waiter becomes a Permit, and each of the three is given back
// exactly once, whatever happens:
//
//	place, err := g.Enter()               // ErrFull: permits + queue are taken
//	defer place.Leave()
//	waiter := place.Join(gate.Ticket{})
//	permit, err := waiter.Wait(ctx)       // ErrTimeout, or the context's cause
//	defer permit.Release()
//
// The package never starts a goroutine, never looks at what the work is, and never lets a later waiter pass an earlier.
package gate
