//go:build unix

package gateway

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// roomAfterPoll is how many bytes may be written to a socket that poll(2) calls writable before it is asked again, and
// writeCost what a small write takes of the kernel's buffer beside its bytes. On Linux a socket is writable while a third
// of its send buffer is free, which is 29 KiB at the least.
const (
	roomAfterPoll = 24 << 10
	writeCost     = 1 << 10
)

// writability tells whether a write to a connection would wait for its reader. The zero value says that it would, always.
type writability struct {
	socket syscall.RawConn
	room   int
}

func writabilityOf(c *connection) writability {
	if c == nil {
		return writability{}
	}
	if socket, ok := c.Conn.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			return writability{socket: raw}
		}
	}
	return writability{}
}

// ready tells whether one write of size bytes would not wait.
func (w *writability) ready(size int) bool {
	if w.socket == nil || size+writeCost > roomAfterPoll {
		return false
	}
	if w.room < size+writeCost {
		if !w.poll() {
			return false
		}
		w.room = roomAfterPoll
	}
	return true
}

// wrote notes a write.
func (w *writability) wrote(size int) { w.room -= size + writeCost }

func (w *writability) poll() bool {
	writable := false
	err := w.socket.Control(func(fd uintptr) {
		fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(fds[:], 0)
		writable = err == nil && n == 1 && fds[0].Revents == unix.POLLOUT
	})
	return err == nil && writable
}
