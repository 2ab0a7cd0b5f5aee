package endurance

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"penstock/test/server"
)

// With few files to open, more connections than that are refused in good order: each gets a 503 or
// is served, those that are open go on, and files for upstreams are left.
func TestConnectionsBeyondTheLimitOfOpenFilesAreRefused(t *testing.T) {
	words := make(chan string)
	s := upstream(t, words)
	p := server.Start(t, server.Options{Limit: 100, Config: "models: [{name: testmodel, kind: openai, upstreams: [{base_url: \"" + s.URL + "/v1\", model: m}]}]\n"})
	c := newClient(t, p.URL)
	path := c.create(`{"prompt":"Hello"}`) // has a connection to the upstream
	var open []net.Conn
	refused := 0
	for range 100 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") // what is refused may be closed
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		switch {
		case err == nil && response.StatusCode == http.StatusOK:
			open = append(open, conn)
		case err == nil && response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
			refused++
		default:
			t.Fatalf("after %d connections: %v %v", len(open), response, err)
		}
	}
	if len(open) < 30 || refused < 30 {
		t.Errorf("%d connections are open, and %d were refused", len(open), refused)
	}
	for _, conn := range open {
		conn.Close()
	}
	var r received
	done := make(chan struct{})
	go func() {
		defer close(done)
		words <- "one "
		words <- "two"
		close(words)
	}()
	c.WaitFor("connections are taken again", func() bool {
		response, err := c.Send(c.Context(), http.MethodGet, "/healthz", "")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	c.readSome(path, &r, -1)
	<-done
	if r.text != "one two" || r.end != "done stop" {
		t.Errorf("received %+v", r)
	}
	if log := p.Stderr(); !strings.Contains(log, "limit of open files is too low") || strings.Count(log, "msg=refused") > 3 {
		t.Errorf("the log:\n%s", log)
	}
}
