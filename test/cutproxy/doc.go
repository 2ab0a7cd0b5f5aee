// Package cutproxy is a TCP proxy that cuts connections, for tests of what survives a cut. It
// forwards everything, counts the bytes that the target sends on each connection, and at a given
// byte closes both sides: with a reset, as when a machine fails, or with an orderly close, as when
// a proxy is restarted.
//
//	p, err := cutproxy.Listen(ctx, "127.0.0.1:8080", cutproxy.Random(seed, 2000))
//	defer p.Close()
//	// connect to p.Address(); p.Cuts() returns how many connections were cut
//
// It is for tests only, does not interpret the bytes, and delays and changes none.
package cutproxy
