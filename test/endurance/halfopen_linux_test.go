package endurance

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"penstock/test/testmodel"
)

// A machine that has failed acknowledges nothing and resets nothing. Its connection would outlive
// heartbeats by a quarter of an hour of the kernel's retries; here it is detected, although nothing
// else happens to the stream. A filter on the client's socket drops all packets before TCP sees
// them.
func TestAHalfOpenConnectionIsDetected(t *testing.T) {
	client, s := start(t, testmodel.Options{
		Permits: 1, Heartbeat: 100 * time.Millisecond, WriteTimeout: 400 * time.Millisecond, Grace: time.Millisecond,
	})
	task := testmodel.Task{Words: 1, End: "hold"}
	path := client.create(task.JSON())
	c, err := net.Dial("tcp", strings.TrimPrefix(client.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	for lines := bufio.NewScanner(c); lines.Scan() && !strings.HasPrefix(lines.Text(), "data: {\"text\""); {
	}
	if n := s.Readers(); n != 1 {
		t.Fatalf("%d readers", n)
	}
	dropPackets(t, c)
	client.WaitFor("the dead reader is detected", func() bool { return s.Readers() == 0 })
	if n := s.Gate().InUse; n != 1 {
		t.Errorf("its stream outlives it, and holds %d permits", n)
	}
}

// dropPackets makes the kernel drop all packets that arrive for a connection.
func dropPackets(t *testing.T, c net.Conn) {
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
