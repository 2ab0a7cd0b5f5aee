package endurance

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"penstock/internal/teller"
)

// A machine that has gone without a word acknowledges nothing and resets nothing. Its connection would outlive heartbeats
// by a quarter of an hour of the kernel's retries; here it is found, though nothing else happens to the stream. The client's
// socket is made deaf by a filter that drops all that comes for it, before TCP sees it.
func TestAHalfOpenConnectionIsFound(t *testing.T) {
	h := start(t, teller.Options{Permits: 1, Heartbeat: 100 * time.Millisecond, WriteTimeout: 400 * time.Millisecond, Grace: time.Millisecond})
	task := teller.Task{Words: 1, End: "hold"}
	path := h.create(task.JSON())
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	for lines := bufio.NewScanner(c); lines.Scan() && !strings.HasPrefix(lines.Text(), "data: {\"text\""); {
	}
	if n := h.engine.Snapshot().Readers; n != 1 {
		t.Fatalf("%d readers", n)
	}
	deafen(t, c)
	h.until("the dead reader is found", func() bool { return h.engine.Snapshot().Readers == 0 })
	if n := h.engine.Snapshot().Gates[0].InUse; n != 1 {
		t.Errorf("its stream runs for itself, and holds %d permits", n)
	}
}

// deafen lets the kernel drop whatever comes for a connection.
func deafen(t *testing.T, c net.Conn) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]})
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}
