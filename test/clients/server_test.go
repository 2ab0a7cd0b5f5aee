//go:build e2e

package clients

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"penstock/test/server"
)

const heartbeat = 500 * time.Millisecond

func TestMain(m *testing.M) {
	code := m.Run()
	server.Cleanup()
	os.Exit(code)
}

// fixture is a penstock that runs and the upstream behind it.
type fixture struct {
	penstock *server.Client
	upstream *upstream
	canceled int // generations of the local model that a client has canceled
}

func start(t *testing.T) *fixture {
	f := &fixture{upstream: startUpstream(t)}
	var b strings.Builder
	fmt.Fprintf(&b, "streams: {heartbeat: %v}\nmodels:\n  - {name: smollm2, kind: onnx-llm, path: %q}\n", heartbeat, greedyModel(t))
	for model, timeouts := range map[string]string{
		"plain": "{}", "patient": "{}", "thinks": "{}", "tools": "{}", "refuses": "{}", "busy": "{}", "locked": "{}",
		"broken": "{}", "down": "{}", "halts": "{}", "forms": "{}", "halfform": "{}", "cut": "{}", "torn": "{}", "endless": "{}", "slow": "{}", "slowly": "{}",
		"silent": "{first_token: 50ms}",                            // ends long before a heartbeat
		"late":   fmt.Sprintf("{first_token: %v}", 3*heartbeat),    // ends after one; of "slow", the client's timeout ends first
		"stalls": fmt.Sprintf("{between_tokens: %v}", time.Second), // long enough for a busy machine
	} {
		fmt.Fprintf(&b, "  - {name: %s, kind: openai, upstreams: [{base_url: %q}], timeouts: %s}\n", model, f.upstream.url+"/v1", timeouts)
	}
	f.penstock = server.Start(t, server.Options{Config: b.String()}).Client()
	return f
}

// greedyModel returns the folder of a SmolLM2 that always generates the same, also for clients that
// cannot set a temperature: else a completion may end before its 16 tokens.
func greedyModel(t *testing.T) string {
	t.Helper()
	dir, from := t.TempDir(), filepath.Join(server.Root(t), ".penstock", "models", "smollm2-135m-instruct")
	for _, name := range []string{"config.json", "tokenizer.json", "tokenizer_config.json", "onnx"} {
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "generation_config.json"), []byte(`{"bos_token_id":1,"eos_token_id":2,"temperature":0}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// waitCanceled returns when the model has noticed that its client has disconnected.
func (f *fixture) waitCanceled(t *testing.T, model string) {
	t.Helper()
	if model == "smollm2" {
		f.canceled++
		f.penstock.WaitMetric(`penstock_streams_total{model="smollm2",outcome="canceled"}`, float64(f.canceled))
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), server.Patience)
	defer cancel()
	for {
		select {
		case canceled := <-f.upstream.canceled:
			if canceled == model {
				return
			}
		case <-ctx.Done():
			t.Errorf("the upstream still responds for %s, although its client has disconnected", model)
			return
		}
	}
}
