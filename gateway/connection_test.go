package gateway_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"penstock/test/memnet"
)

// recorded is a listener that records what is written to its connections, write by write.
type recorded struct {
	net.Listener
	mu     sync.Mutex
	writes [][]byte
}

func (n *recorded) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	return recordedConn{c, n}, err
}

type recordedConn struct {
	net.Conn
	*recorded
}

func (c recordedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.writes = append(c.writes, bytes.Clone(p))
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// However much is sent together, every write consists of whole chunks as net/http frames them.
func TestABatchIsOneWriteOfWholeChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, words(nil))
		l := memnet.Listen()
		n := &recorded{Listener: l}
		client := &http.Client{Transport: &http.Transport{DialContext: l.Dial}}
		s.serve(t, n, client)
		prompt := strings.Repeat("word ", 20_000)
		res, err := client.Post("http://localhost/v1/models/words/stream", "application/json", strings.NewReader(`{"prompt":"`+prompt+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // all is written, and most of it not yet read
		body, err := io.ReadAll(res.Body)
		if err != nil || bytes.Count(body, []byte("data: ")) != 20_002 { // the words, started and done
			t.Fatalf("%d events: %v", bytes.Count(body, []byte("data: ")), err)
		}
		res.Body.Close()
		n.mu.Lock()
		defer n.mu.Unlock()
		largest := 0
		for i, w := range n.writes {
			if i == 0 {
				_, w, _ = bytes.Cut(w, []byte("\r\n\r\n"))
			}
			end := "0\r\n\r\n" // of the body; here it ends what was written
			if i == len(n.writes)-1 {
				end = ""
			}
			if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(strings.NewReader(string(w)+end))); err != nil || !bytes.HasSuffix(w, []byte("\r\n")) {
				t.Errorf("write %d of %d bytes is not made of chunks: %v", i, len(w), err)
			}
			largest = max(largest, len(w))
		}
		if largest < 32<<10 {
			t.Errorf("the largest write has %d bytes", largest)
		}
	})
}
