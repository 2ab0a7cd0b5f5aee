package endurance

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"penstock/test/server"
)

const (
	logged  = "server: {shutdown_grace: 10m}\nlog: {content: true}\nmodels: [{name: m, kind: openai, upstreams: [{base_url: \"http://127.0.0.1:1/v1\"}]}]\n"
	dropped = "penstock_log_lines_dropped_total"
)

// pipe returns both ends of a pipe; the test closes what is left of it.
func pipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close(); writer.Close() })
	return reader, writer
}

// A pipe that is not read takes 64 KiB. Further lines wait, and then are dropped and counted;
// every request is answered.
func TestAServerWhoseLogIsNotReadGoesOn(t *testing.T) {
	reader, writer := pipe(t)
	p := server.Start(t, server.Options{Config: logged, Stderr: writer})
	c := newClient(t, p.URL)
	c.HTTP = &http.Client{}
	path := "/nowhere?" + strings.Repeat("long+", 3000)
	for range 200 { // 3 MB of lines
		if r := c.Get(path); r.Status != http.StatusNotFound {
			t.Fatalf("status %d: %s", r.Status, r.Body)
		}
	}
	if c.Metric(dropped) == 0 {
		t.Error("no line is counted as dropped")
	}
	p.Signal(syscall.SIGTERM)
	if state := p.Wait(); !state.Success() {
		t.Errorf("it exited with %v", state)
	}
	reader.Close()
}

func TestAServerWhoseLogIsClosedGoesOn(t *testing.T) {
	reader, writer := pipe(t)
	p := server.Start(t, server.Options{Config: logged, Stderr: writer})
	c := newClient(t, p.URL)
	reader.Close()
	c.WaitFor("lines are dropped", func() bool {
		if r := c.Get("/nowhere"); r.Status != http.StatusNotFound {
			t.Fatalf("status %d: %s", r.Status, r.Body)
		}
		return c.Metric(dropped) >= 3
	})
	p.Signal(syscall.SIGTERM)
	if state := p.Wait(); !state.Success() {
		t.Errorf("it exited with %v", state)
	}
}

// SIGHUP, which a closed terminal sends, ends no stream that its reader has not read to its end.
func TestASIGHUPDrains(t *testing.T) {
	words := make(chan string)
	c, p := startRelay(t, upstream(t, words), 10*60e9)
	path := c.create(`{"prompt":"Hello"}`)
	words <- "one "
	var r received
	c.readSome(path, &r, 1)
	p.Signal(syscall.SIGHUP)
	c.WaitFor("/readyz reports the shutdown", func() bool { return c.Get("/readyz").Status == http.StatusServiceUnavailable })
	done := c.resumeInBackground(path, &r)
	words <- "two"
	close(words)
	<-done
	if r.text != "one two" || r.end != "done stop" {
		t.Errorf("received %+v", r)
	}
	if state := p.Wait(); !state.Success() {
		t.Errorf("it exited with %v", state)
	}
}
