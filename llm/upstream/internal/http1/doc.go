// Package http1 asks one server over HTTP/1.1 without TLS, in the goroutine of whoever asks.
//
//	t := &http1.Transport{Dial: dial, Address: "127.0.0.1:8000", Keep: 64, MaxHead: 64 << 10}
//	answer, err := t.RoundTrip(request)
//
// net/http's Transport has two goroutines for each connection, which a stream of hours pays for in memory and a short
// answer in time. Here the caller writes the request, reads the head, and reads the body from the connection; reading and
// writing the messages is left to net/http all the same, but for bodies in chunks, of which a burst of tokens has many.
// What that Transport does besides (TLS, HTTP/2, proxies, unpacking) is not done here. Only connections whose answer was
// read to its end are used again.
package http1
