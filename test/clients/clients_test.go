//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// client is a program and what is its own about it.
type client struct {
	name    string
	program func(t *testing.T) *exec.Cmd
	lacks   []string          // what it cannot do
	errors  map[string]string // its classes
}

var clients = []client{
	{
		name: "openai-python", program: python("openai_client.py"),
		errors: map[string]string{
			"bad request": "BadRequestError", "too long": "BadRequestError", "not found": "NotFoundError", "busy": "RateLimitError",
			"server": "InternalServerError", "connection": "APIConnectionError", "stream": "APIError", "responses": "APIConnectionError", "timeout": "APITimeoutError",
		},
	},
	{
		name: "langchain-openai", program: python("langchain_client.py"), lacks: []string{"models", "think"},
		errors: map[string]string{
			"bad request": "OpenAIInvalidRequestError", "too long": "OpenAIContextOverflowError", "not found": "OpenAIModelNotFoundError", "busy": "OpenAIRateLimitError",
			"server": "OpenAIAPIError", "connection": "OpenAIConnectionError", "stream": "APIError", "responses": "ValueError", "timeout": "OpenAITimeoutError",
		},
	},
	{
		name: "openai-javascript", program: javascript("openai.mjs"),
		errors: map[string]string{
			"bad request": "BadRequestError", "too long": "BadRequestError", "not found": "NotFoundError", "busy": "RateLimitError",
			"server": "InternalServerError", "connection": "TypeError", "stream": "APIError", "responses": "APIError", "timeout": "APIConnectionTimeoutError",
		},
	},
	{
		name: "ai-sdk", program: javascript("ai.mjs"), lacks: []string{"models", "respond", "stream_respond"},
		errors: map[string]string{
			"bad request": "AI_APICallError", "too long": "AI_APICallError", "not found": "AI_APICallError", "busy": "AI_APICallError",
			"server": "AI_APICallError", "connection": "AI_APICallError", "stream": "AI_StreamProviderError", "timeout": "TimeoutError",
		},
	},
	{
		name: "openai-go", program: golang,
		errors: map[string]string{
			"bad request": "*apierror.Error", "too long": "*apierror.Error", "not found": "*apierror.Error", "busy": "*apierror.Error",
			"server": "*apierror.Error", "connection": "io.ErrUnexpectedEOF", "stream": "*ssestream.StreamError", "responses": "io.ErrUnexpectedEOF", "timeout": "context.DeadlineExceeded",
		},
	},
}

func TestClients(t *testing.T) {
	h := open(t)
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			var want []seen
			for _, s := range checks {
				if verb, _, _ := strings.Cut(s.Check, " "); slices.Contains(c.lacks, verb) {
					continue
				}
				if s.Error != "" {
					s.Error = c.errors[s.Error]
				}
				want = append(want, s)
			}
			if diff := cmp.Diff(want, h.watch(t, c.program(t))); diff != "" {
				t.Errorf("wanted and seen:\n%s", diff)
			}
		})
	}
}

// TestHeartbeats shows that clients meet comments in the stream of "patient".
func TestHeartbeats(t *testing.T) {
	h := open(t)
	response, err := http.Post(h.penstock.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"patient","messages":[{"role":"user","content":"Hello"}],"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if stream, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(stream), "\n: keep-alive\n") {
		t.Errorf("no heartbeat in %q, %v", stream, err)
	}
}

// watch runs a client's program and returns what it has seen. The program waits for a line
// after each request that it has left, until the model has noticed.
func (h *house) watch(t *testing.T, program *exec.Cmd) (all []seen) {
	program.Env = append(os.Environ(), "OPENAI_BASE_URL="+h.penstock.URL+"/v1", "OPENAI_API_KEY=unused")
	var stderr bytes.Buffer
	program.Stderr = &stderr
	stdin, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatalf("%v: run make e2e", err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var s seen
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Errorf("%v in %q", err, lines.Text())
		}
		verb, model, _ := strings.Cut(s.Check, " ")
		if model == "smollm2" && s.Text != "" {
			s.Text = anything
		}
		all = append(all, s)
		if verb == "abort" || verb == "timeout" {
			h.waitGone(t, model)
			if _, err := io.WriteString(stdin, "gone\n"); err != nil {
				t.Error(err)
			}
		}
	}
	if err := program.Wait(); err != nil {
		t.Errorf("it ended with %v and said:\n%s", err, stderr.String())
	}
	return all
}

// installed is where `make e2e` puts the clients.
func installed(t *testing.T, name string) string {
	path, err := filepath.Abs(filepath.Join(root, ".penstock", "e2e", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func python(script string) func(t *testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		return exec.CommandContext(t.Context(), installed(t, "python/bin/python"), "python/"+script)
	}
}

// javascript hands the script over as an argument: Node.js then looks for packages where it
// runs, not where the script lies.
func javascript(script string) func(t *testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		text, err := os.ReadFile("javascript/" + script)
		if err != nil {
			t.Fatal(err)
		}
		folder := installed(t, "javascript")
		node, err := filepath.Glob(folder + "/node_modules/node-*/bin/node")
		if err != nil || len(node) != 1 {
			t.Fatalf("one Node.js is wanted, there are %q: run make e2e", node)
		}
		program := exec.CommandContext(t.Context(), node[0], "--input-type=module", "--eval", string(text))
		program.Dir = folder
		return program
	}
}

func golang(t *testing.T) *exec.Cmd {
	return exec.CommandContext(t.Context(), installed(t, "openai-go"))
}
