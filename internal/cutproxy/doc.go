// Package cutproxy is a TCP proxy that cuts connections, for tests of what survives a cut. It passes everything on, counts
// what the target sends on each connection, and at the byte it was told breaks both sides off: by a reset as when a machine
// dies, or by an orderly close as when a proxy is restarted.
//
//	p, err := cutproxy.Listen(ctx, "127.0.0.1:8080", cutproxy.Random(seed, 2000))
//	defer p.Close()
//	// talk to p.Address(); p.Cuts() tells how often that was cut
//
// It is for tests only, knows nothing of what it carries, and delays and changes nothing.
package cutproxy
