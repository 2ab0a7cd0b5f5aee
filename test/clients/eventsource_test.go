//go:build e2e

package clients

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
	"penstock/test/testmodel"
)

// A thousand streams are read by the package eventsource, and their connections are cut at any
// byte, any number of times: each ends by itself, with the text of a stream that was never cut. The
// model is test/testmodel.
func TestEventSourceSurvivesCutsAnywhere(t *testing.T) {
	const streams = 1000
	seed := rand.Uint64()
	task := testmodel.Task{Words: 20, Pause: "1ms"}
	s, err := testmodel.Start(t.Context(), testmodel.Options{Retry: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	proxy, err := cutproxy.Listen(t.Context(), strings.TrimPrefix(s.URL, "http://"), cutproxy.Random(seed, 1500))
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()

	program := javascript("eventsource.mjs")(t)
	program.Env = append(os.Environ(), "DIRECT="+s.URL, "CUT=http://"+proxy.Address(), "TASK="+task.JSON(), "STREAMS="+strconv.Itoa(streams), "AT_ONCE=200")
	var stdout, stderr bytes.Buffer
	program.Stdout, program.Stderr = &stdout, &stderr
	if err := program.Run(); err != nil {
		t.Fatalf("it exited with %v; its stderr:\n%s", err, &stderr)
	}
	ended := 0
	for lines := json.NewDecoder(&stdout); lines.More(); ended++ {
		var stream struct {
			Text   string
			Ends   []string
			Opened int
		}
		if err := lines.Decode(&stream); err != nil {
			t.Fatal(err)
		}
		if stream.Text != task.Text() || strings.Join(stream.Ends, " ") != "done" {
			t.Errorf("after %d connections: %q, ended %v", stream.Opened, stream.Text, stream.Ends)
		}
	}
	if ended != streams {
		t.Errorf("%d streams ended", ended)
	}
	t.Logf("seed %d: %d streams, %d connections cut, nothing lost or duplicated", seed, ended, proxy.Cuts())
}
