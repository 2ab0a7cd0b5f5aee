//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"penstock/test/cutproxy"
	"penstock/internal/teller"
)

// A thousand streams through the package eventsource, their connections cut at any byte, as often as it happens: each
// ends with the text of one that was never cut, and by itself. What writes is internal/teller.
func TestEventSourceIsCutAnywhere(t *testing.T) {
	const streams = 1000
	seed := rand.Uint64()
	task := teller.Task{Words: 20, Pause: "1ms"}
	h, err := teller.Start(t.Context(), teller.Options{Retry: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	proxy, err := cutproxy.Listen(t.Context(), strings.TrimPrefix(h.URL, "http://"), cutproxy.Random(seed, 1500))
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()

	program := javascript("eventsource.mjs")(t)
	program.Env = append(os.Environ(), "DIRECT="+h.URL, "CUT=http://"+proxy.Address(), "TASK="+task.JSON(), "STREAMS="+strconv.Itoa(streams), "AT_ONCE=200")
	var stdout, stderr bytes.Buffer
	program.Stdout, program.Stderr = &stdout, &stderr
	if err := program.Run(); err != nil {
		t.Fatalf("it ended with %v and said:\n%s", err, &stderr)
	}
	heard := 0
	for lines := json.NewDecoder(&stdout); lines.More(); heard++ {
		var s struct {
			Text   string
			Ends   []string
			Opened int
		}
		if err := lines.Decode(&s); err != nil {
			t.Fatal(err)
		}
		if s.Text != task.Text() || strings.Join(s.Ends, " ") != "done" {
			t.Errorf("after %d connections: %q, ended %v", s.Opened, s.Text, s.Ends)
		}
	}
	if heard != streams {
		t.Errorf("%d streams ended", heard)
	}
	t.Logf("seed %d: %d streams, %d connections cut, nothing lost or doubled", seed, heard, proxy.Cuts())
}
