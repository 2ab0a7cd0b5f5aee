// Package http1 is an http.RoundTripper for one server over HTTP/1.1 without TLS, which works in
// the caller's goroutine.
//
//	t := &http1.Transport{Dial: dial, Address: "127.0.0.1:8000", Keep: 64, MaxHead: 64 << 10}
//	response, err := t.RoundTrip(request)
//
// net/http's Transport has two goroutines for each connection, which cost memory as long as a
// stream lasts, and time in every short response. Here the caller writes the request, reads the
// head, and reads the body from the connection. Messages are still read and written by net/http,
// but for chunked bodies, as a burst of tokens has many chunks. What net/http's Transport does
// besides (TLS, HTTP/2, proxies, decompression) is never done here. Only connections whose response
// was read to its end are used again.
package http1
