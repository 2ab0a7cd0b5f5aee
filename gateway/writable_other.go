//go:build !unix

package gateway

// writability tells whether a write to a connection would wait for its reader. It does not know here.
type writability struct{}

func writabilityOf(*connection) writability { return writability{} }

func (*writability) ready(int) bool { return false }

func (*writability) wrote(int) {}
