//go:build !unix

package http1

import "net"

// quiet reports whether an idle connection is open, with nothing to read. Here that cannot be
// checked.
func quiet(net.Conn) bool { return true }
