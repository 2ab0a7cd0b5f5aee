//go:build !unix

package http1

import "net"

// quiet tells whether an idle connection is as it should be. Here that cannot be seen.
func quiet(net.Conn) bool { return true }
