//go:build !linux

package gateway

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Listen listens on a TCP address. How long peers that have silently gone are waited for is up to
// the system here.
func Listen(ctx context.Context, address string, _ time.Duration) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}
