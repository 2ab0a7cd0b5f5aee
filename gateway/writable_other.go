//go:build !unix

package gateway

// writability reports whether a write to a connection would wait for its reader. Here that is not
// known, and any write may.
type writability struct{}

func writabilityOf(*connection) writability { return writability{} }

func (*writability) ready(int) bool { return false }

func (*writability) wrote(int) {}
