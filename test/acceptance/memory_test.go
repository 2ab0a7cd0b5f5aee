package acceptance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"penstock/test/server"
)

const onlyCLIP = `
models:
  - {name: clip, kind: clip, path: "ROOT/models/clip-tiny", labels: ["a photo of a cat", "a photo of a dog"]}
`

// halfSent is a client, by its own address, that sends requests by hand.
type halfSent struct {
	net.Conn
	c client
}

func (c client) halfSend(from, head string) halfSent {
	c.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(c.Context(), "tcp", strings.TrimPrefix(c.URL, "http://"))
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { conn.Close() })
	if deadline, ok := c.Context().Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			c.Fatal(err)
		}
	}
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s\r\n\r\n", predictCLIP, head); err != nil {
		c.Error(err)
	}
	return halfSent{conn, c}
}

// response reads the response, and checks that the connection ends with it.
func (h halfSent) response() server.Response {
	h.c.Helper()
	res, err := http.ReadResponse(bufio.NewReader(h.Conn), nil)
	if err != nil {
		h.c.Errorf("read the response: %v", err)
		return server.Response{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || !res.Close {
		h.c.Errorf("the response does not end with the connection: %v", err)
	}
	return server.Response{Status: res.StatusCode, Header: res.Header, Body: string(body)}
}

// Three addresses send bodies that together are twice the memory limit, and never end them.
// What does not fit is refused, the process stays within its limit, and another address is served.
// What Go has in use counts and not what is resident, of which the race detector takes several
// times as much.
func TestBodiesThatDoNotFit(t *testing.T) {
	const limit, clients, size = 512 << 20, 54, 19 << 20
	c, _ := start(t, "runtime: {memory_limit: 512MiB}"+onlyCLIP)
	part := strings.Repeat(" ", size)
	var refused, served, failed int
	var peak float64
	var mu sync.Mutex
	var sending sync.WaitGroup
	for i := range clients {
		h := c.halfSend(fmt.Sprintf("127.0.0.%d", 2+i%3), "Content-Length: 20000000")
		sending.Go(func() {
			_, _ = io.WriteString(h, part) // breaks off where it is refused
		})
		go func() {
			res, err := http.ReadResponse(bufio.NewReader(h.Conn), nil)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				return // reset, or closed by the test
			}
			if res.StatusCode == http.StatusRequestTimeout {
				return // a busy machine has read too little of it in time
			}
			var body struct{ Error server.Error }
			err = json.NewDecoder(res.Body).Decode(&body)
			if err != nil || res.StatusCode != 503 || body.Error.Code != "memory_exhausted" || res.Header.Get("Retry-After") != "1" {
				t.Errorf("%v: %d %+v %v", err, res.StatusCode, body, res.Header)
			}
			refused++
		}()
	}
	sent := make(chan struct{})
	go func() { sending.Wait(); close(sent) }()
	var slowest time.Duration
	for done := false; !done; {
		select {
		case <-sent:
			done = true
		default:
		}
		began := time.Now()
		if r := c.Post(predictCLIP, pixel); r.Status == http.StatusOK {
			served++
		} else {
			failed++
			t.Errorf("another caller's predict: %d %s", r.Status, r.Body)
		}
		slowest = max(slowest, time.Since(began))
		peak = max(peak, c.Metric("go_memstats_heap_inuse_bytes")+c.Metric("go_memstats_stack_inuse_bytes"))
	}
	mu.Lock()
	defer mu.Unlock()
	t.Logf("%d bodies of %d MiB, of which %d were refused with 503 and read it; %d predicts of another address were served (slowest %v), %d not; at most %.0f MiB in use of %d",
		clients, size>>20, refused, served, slowest, failed, peak/(1<<20), limit>>20)
	if refused == 0 || served == 0 || peak > limit {
		t.Error("not as it must be")
	}
	if n := c.Metric("penstock_memory_refused_total"); n < float64(refused) {
		t.Errorf("%v refusals were counted", n)
	}
}

func TestASlowBodyIs408(t *testing.T) {
	c, _ := start(t, "server: {body_timeout: 300ms}"+onlyCLIP)
	h := c.halfSend("127.0.0.1", "Content-Length: 100")
	r := h.response()
	if r.Status != http.StatusRequestTimeout || r.Error(t).Code != "body_timeout" || !strings.Contains(r.Body, "within 300ms (server.body_timeout)") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestADrainRefusesHalfSentBodies(t *testing.T) {
	c, p := start(t, "server: {shutdown_grace: 10m}"+onlyCLIP)
	h := c.halfSend("127.0.0.1", "Transfer-Encoding: chunked")
	c.WaitFor("the body to be read", func() bool { return c.Metric(`penstock_memory_held_bytes{kind="body"}`) > 0 })
	p.Signal(syscall.SIGTERM)
	c.checkRefused("a half-sent body", h.response(), http.StatusServiceUnavailable, "draining")
	checkExit(t, p)
}

func TestTooLittleMemoryIsRefusedAtStart(t *testing.T) {
	const config = "runtime: {memory_limit: 257MiB}" + onlyCLIP
	out, err := exec.CommandContext(t.Context(), server.Binary(t), "serve", "--address", "127.0.0.1:0", "--config", server.ConfigFile(t, config)).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "runtime.memory_limit is 257 MiB, of which the models leave ") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheLimitsOfCLIPAreMetrics(t *testing.T) {
	c, _ := start(t, onlyCLIP)
	for name, least := range map[string]float64{"decode_memory": 384 << 20, "image_buffers": 64 << 20, "image_buffers_fetched": 64 << 20, "fetches": 64, "cores": 1} {
		if got := c.Metric(`penstock_limit_capacity{limit=` + strconv.Quote(name) + `,model="clip"}`); got < least {
			t.Errorf("%s: %v", name, got)
		}
	}
}
