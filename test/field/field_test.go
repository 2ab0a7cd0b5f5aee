//go:build field

package field

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	test "penstock/llm/upstream/upstreamtest"
	"penstock/test/server"
)

func TestMain(m *testing.M) {
	code := m.Run()
	server.Cleanup()
	os.Exit(code)
}

func TestLiteLLM(t *testing.T)  { run(t, "litellm", "litellm_client.py") }
func TestTriton(t *testing.T)   { run(t, "kserve", "triton_client.py", "HOST", "clip") }
func TestKServe(t *testing.T)   { run(t, "kserve", "kserve_client.py", "HOST", "clip") }
func TestGuideLLM(t *testing.T) { run(t, "guidellm", "guidellm_bench.py", "URL", "TOKENIZER") }
func TestAIPerf(t *testing.T)   { run(t, "aiperf", "aiperf_bench.py", "URL", "TOKENIZER") }
func TestCodex(t *testing.T)    { run(t, "litellm", "codex_exec.py", "URL", "CODEX") }

// run runs a script in an environment, with a penstock of its own. HOST, URL, TOKENIZER and CODEX
// in its arguments stand for penstock's address, SmolLM2's folder and the command codex.
func run(t *testing.T, environment, script string, args ...string) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(respond))
	t.Cleanup(upstream.Close)
	root := server.Root(t)
	var config strings.Builder
	config.WriteString("models:\n  - {name: smollm2, kind: onnx-llm, path: ROOT/.penstock/models/smollm2-135m-instruct}\n" +
		"  - {name: clip, kind: clip, path: ROOT/models/clip-tiny, labels: [a photo of a cat, a photo of a dog]}\n")
	for _, model := range []string{"plain", "tools", "refuses", "cut"} {
		fmt.Fprintf(&config, "  - {name: %s, kind: openai, upstreams: [{base_url: %q}]}\n", model, upstream.URL+"/v1")
	}
	penstock := server.Start(t, server.Options{Config: config.String()})
	installed := filepath.Join(root, ".penstock", "field")
	for i, arg := range args {
		args[i] = map[string]string{
			"HOST": strings.TrimPrefix(penstock.URL, "http://"), "URL": penstock.URL,
			"TOKENIZER": filepath.Join(root, ".penstock/models/smollm2-135m-instruct"),
			"CODEX":     filepath.Join(installed, "codex/node_modules/.bin/codex"),
		}[arg]
		if args[i] == "" {
			args[i] = arg
		}
	}
	program := exec.CommandContext(t.Context(), filepath.Join(installed, environment, "bin/python"), append([]string{filepath.Join(root, "test/field/python", script)}, args...)...)
	program.Dir = t.TempDir()
	program.Env = append(os.Environ(), "OPENAI_BASE_URL="+penstock.URL+"/v1", "OPENAI_API_KEY=unused", "LITELLM_LOCAL_MODEL_COST_MAP=True", "HOME="+program.Dir)
	output, err := program.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Errorf("it exited with %v: run make field", err)
	}
}

// respond is an OpenAI-compatible server that responds according to the requested model.
func respond(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has disconnected
	}
	for _, act := range script(r.URL.Path, string(body)) {
		act(w, r)
	}
}

func script(path, body string) test.Script {
	has := func(part string) bool { return strings.Contains(strings.ReplaceAll(body, `": "`, `":"`), part) }
	streams := strings.Contains(strings.ReplaceAll(body, " ", ""), `"stream":true`)
	responses := strings.HasSuffix(path, "/responses")
	file := func(name string) string {
		text, err := os.ReadFile(filepath.Join("../clients/testdata", name))
		if err != nil {
			panic(err)
		}
		return string(text)
	}
	switch {
	case has(`"model":"refuses"`):
		return test.Script{test.Fail(http.StatusBadRequest, "context_length_exceeded")}
	case has(`"model":"cut"`) && responses:
		begin, _, _ := strings.Cut(file("response.sse"), "event: response.output_text.done")
		return test.Script{test.Send(begin), test.Cut}
	case has(`"model":"cut"`):
		return test.Script{test.Send(test.Role("cut")), test.Tokens("cut", 0, 3), test.Cut}
	case responses && streams:
		return test.Script{test.Send(file("response.sse"))}
	case responses:
		return test.Script{test.Answer(http.StatusOK, file("response.json"))}
	case has(`"model":"tools"`) && !has(`"role":"tool"`) && streams:
		return test.Script{test.Send(file("tools.sse"))}
	case has(`"model":"tools"`) && !has(`"role":"tool"`):
		return test.Script{test.Answer(http.StatusOK, file("tools.json"))}
	case streams:
		return test.Whole("plain", 60)
	}
	return test.Script{test.Answer(http.StatusOK, test.Completion("plain"))}
}
