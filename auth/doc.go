// Package auth identifies the callers of requests by API keys and tokens, and limits what each may
// use.
//
// An [Auth] knows keys by their SHA-256 digests, from the configuration and from a file that is
// read again when its content changes, and accepts the tokens (JWTs) of one issuer. Identify
// returns the [Caller] of a request's headers. Its Admit reserves what a request may use of the
// caller's [Limits], and the [Grant] is settled by what the request really used. Limits count by
// the caller's name: whichever model, alias or route a request uses, and whichever credential of
// that name.
//
// Buckets by the minute are full at first and burst to their limit. Budgets of a day or a month in
// UTC survive a restart, in a folder of their own. Run does what happens in the background, and is
// the owner of all goroutines.
//
// The package knows neither models nor HTTP routes, keeps no key in clear, and never reports which
// keys there are.
package auth
