// Package failover sends one request to the servers of a model, one after another, until one of
// them has responded.
//
// A Pool has the servers of a model: it shares requests among them by priority, load and weight,
// and has a circuit breaker for each. Attempts is the attempt loop of one request. It calls a
// function that sends the request to the server of a Sequence and returns a Failure, or nil; the
// Failure's Action says what follows. While a server is silent, the next one is sent the request as
// well, and the first whose Sequence leads is the one whose response is passed on.
//
// Sequence.Watch returns the Watchdog of one such request, which ends it when the server takes too
// long, and Watchdog.Send sends it. Rejected, NoResponse, Cut and Malformed return the failures
// that servers of every kind have in common.
//
// The package knows neither what is sent nor what a response means. It keeps no response, opens no
// connection, and starts a goroutine only beside a silent server; Run waits for all of them.
package failover
