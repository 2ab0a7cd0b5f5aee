//go:build unix

package gateway

import "golang.org/x/sys/unix"

// maxFiles returns how many files the process may have open.
func maxFiles() (uint64, bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return uint64(limit.Cur), true //nolint:unconvert // it is signed on some systems
}
