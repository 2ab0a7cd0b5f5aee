//go:build unix

package gateway

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// bytesAfterPoll is how many bytes may be written to a socket after poll(2) has reported it
// writable and before the next poll, and writeCost what a small write takes of the kernel's buffer
// beside its bytes. On Linux a socket is writable while a third of its send buffer is free, which
// is at least 29 KiB.
const (
	bytesAfterPoll = 24 << 10
	writeCost      = 1 << 10
)

// writability reports whether a write to a connection would wait for its reader. The zero value
// reports that any write would.
type writability struct {
	socket syscall.RawConn
	free   int // bytes that may be written before the next poll
}

func writabilityOf(c *connection) writability {
	if c == nil {
		return writability{}
	}
	if socket, ok := c.socket.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			return writability{socket: raw}
		}
	}
	return writability{}
}

// ready reports whether one write of size bytes would not wait.
func (w *writability) ready(size int) bool {
	if w.socket == nil || size+writeCost > bytesAfterPoll {
		return false
	}
	if w.free < size+writeCost {
		if !w.poll() {
			return false
		}
		w.free = bytesAfterPoll
	}
	return true
}

// wrote notes a write.
func (w *writability) wrote(size int) { w.free -= size + writeCost }

func (w *writability) poll() bool {
	writable := false
	err := w.socket.Control(func(fd uintptr) {
		fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(fds[:], 0)
		writable = err == nil && n == 1 && fds[0].Revents == unix.POLLOUT
	})
	return err == nil && writable
}
