//go:build e2e

package clients

import (
	"context"
	"fmt"
	"os"
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
	fmt.Fprintf(&b, "streams: {heartbeat: %v}\nmodels:\n  - {name: smollm2, kind: onnx-llm, path: ROOT/.penstock/models/smollm2-135m-instruct}\n", heartbeat)
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
