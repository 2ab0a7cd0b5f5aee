package acceptance

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
)

// Over HTTP/1.0, which nginx uses towards its upstreams by default, the close of a connection is
// the end of a body. A stream whose server is killed is reset, so as not to look complete.
func TestAKillInAStreamOverHTTP10IsAReset(t *testing.T) {
	_, p := start(t, bothModels)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/models/smollm2/stream HTTP/1.0\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(endless), endless)
	r := bufio.NewReader(conn)
	for line := ""; !strings.HasPrefix(line, `data: {"text"`); {
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	p.Signal(syscall.SIGKILL)
	p.Wait()
	if rest, err := io.ReadAll(r); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client has %v after %q", err, rest)
	}
}
