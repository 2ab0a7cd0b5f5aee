//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"penstock/internal/served"
)

const (
	root      = ".."
	heartbeat = 500 * time.Millisecond
	patience  = 30 * time.Second // ends a test that hangs; none passes by it
)

// house is a penstock that runs and the server behind it.
type house struct {
	penstock *served.Process
	upstream *upstream
	aborted  int // generations of the local model that a client broke off
}

func open(t *testing.T) *house {
	h := &house{upstream: startUpstream(t)}
	model, err := filepath.Abs(root + "/.penstock/models/smollm2-135m-instruct")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "streams: {heartbeat: %v}\nmodels:\n  - {name: smollm2, kind: onnx-llm, path: %q}\n", heartbeat, model)
	for model, timeouts := range map[string]string{
		"plain": "{}", "patient": "{}", "thinks": "{}", "tools": "{}", "refuses": "{}", "busy": "{}", "locked": "{}",
		"broken": "{}", "down": "{}", "halts": "{}", "cut": "{}", "torn": "{}", "endless": "{}", "slow": "{}",
		"silent": "{first_token: 50ms}",                            // Penstock gives up long before a heartbeat
		"late":   fmt.Sprintf("{first_token: %v}", 3*heartbeat),    // after one; of "slow" the client does
		"stalls": fmt.Sprintf("{between_tokens: %v}", time.Second), // time enough for a busy machine
	} {
		fmt.Fprintf(&b, "  - {name: %s, kind: openai, upstreams: [{base_url: %q}], timeouts: %s}\n", model, h.upstream.url+"/v1", timeouts)
	}
	config := filepath.Join(t.TempDir(), "penstock.yaml")
	if err := os.WriteFile(config, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h.penstock = served.Run(t, served.Command{Binary: root + "/penstock", Dir: root, Args: []string{"--config", config}})
	h.penstock.WaitReady(t)
	return h
}

// waitGone returns when the model has noticed that its client has left.
func (h *house) waitGone(t *testing.T, model string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if model == "smollm2" {
		h.aborted++
		h.waitMetric(ctx, t, fmt.Sprintf(`penstock_streams_total{model="smollm2",outcome="canceled"} %d`, h.aborted))
		return
	}
	for {
		select {
		case gone := <-h.upstream.left:
			if gone == model {
				return
			}
		case <-ctx.Done():
			t.Errorf("the upstream still answers for %s, %v after its client has left", model, patience)
			return
		}
	}
}

// waitMetric asks for /metrics again and again: another process tells nobody of its own accord.
func (h *house) waitMetric(ctx context.Context, t *testing.T, line string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		response, err := http.Get(h.penstock.URL + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		metrics, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(metrics), line+"\n") {
			return
		}
		select {
		case <-ctx.Done():
			t.Errorf("no %s in the metrics", line)
			return
		case <-again.C:
		}
	}
}
