// Package fetch gets pictures from addresses that clients name, without letting them use it to
// reach the network it runs in.
//
//	f, err := fetch.New(fetch.Options{UserAgent: "Penstock/1.0"})
//	defer f.Close()
//	err = f.Fetch(ctx, holder, "https://example.com/cat.jpg", func(body []byte) error { … })
//
// Only http and https are used, only to public addresses on ports 80 and 443. What counts is the
// address that is dialled: names whose address changes, redirects, IPv4 written as IPv6 and numbers
// in unusual notations gain nothing. Options.Allow permits more, Options.Deny less. Five redirects
// are followed. How long a fetch takes, how many bytes it brings, and how many fetches run at once,
// in all and to one host, is bounded; a fetch above these limits waits.
//
// One request of a fetch is sent a second time: where the server is overloaded (429 and 503, after
// the time that it names) or breaks the connection off. A Content-Encoding is undone, within the
// same limit of bytes. A fetch returns the cookies that it is given to their own hosts only, and
// drops them at its end.
//
// It sends no credentials and no Referer, uses no proxy, and ignores Content-Type: what the bytes
// are is for the caller to find out. It keeps what servers let shared caches keep
// (Cache-Control), in 64 MiB and for five minutes at most, and nothing else. Its errors are
// *apierr.Error of code invalid_input with one of the Reasons here; their messages show no address
// but the one that the client sent.
package fetch
