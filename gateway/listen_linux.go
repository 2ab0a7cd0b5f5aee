package gateway

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Listen listens on a TCP address. Connections whose peer has silently gone are found when nothing sent to it has been
// acknowledged for as long as patience says; the kernel would try for a quarter of an hour.
func Listen(ctx context.Context, address string, patience time.Duration) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		// Accepted connections inherit the option.
		if cerr := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(patience.Milliseconds()))
		}); cerr != nil {
			return cerr
		}
		return err
	}}
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}
