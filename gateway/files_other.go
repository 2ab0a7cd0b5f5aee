//go:build !unix

package gateway

// maxFiles returns how many files the process may have open; false where there is no such limit.
func maxFiles() (uint64, bool) { return 0, false }
