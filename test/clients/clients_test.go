//go:build e2e

package clients

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"penstock/test/server"

	gocmp "github.com/google/go-cmp/cmp"
)

// client is a program, and what differs for it.
type client struct {
	name    string
	program func(t *testing.T) *exec.Cmd
	lacks   []string          // the verbs and checks that it does not have
	errors  map[string]string // its error classes, by the check or by what checks name
	finish  map[string]string // its finish reasons, where it has its own
}

var openaiPython = map[string]string{
	"bad request": "BadRequestError", "too long": "BadRequestError", "not found": "NotFoundError", "busy": "RateLimitError",
	"server": "InternalServerError", "connection": "APIConnectionError", "stream": "APIError", "responses": "APIConnectionError", "timeout": "APITimeoutError",
}

// with returns a copy of a client's errors, with another one.
func with(errors map[string]string, name, class string) map[string]string {
	errors = maps.Clone(errors)
	errors[name] = class
	return errors
}

var openaiGo = map[string]string{
	"bad request": "*apierror.Error", "too long": "*apierror.Error", "not found": "*apierror.Error", "busy": "*apierror.Error",
	"server": "*apierror.Error", "connection": "io.ErrUnexpectedEOF", "stream": "*ssestream.StreamError", "responses": "io.ErrUnexpectedEOF", "timeout": "context.DeadlineExceeded",
}

var clients = []client{
	{name: "openai-python", program: python("python", "openai_client.py"), lacks: extraction, errors: openaiPython},
	{name: "openai-python-2.30", program: python("python-2.30", "openai_client.py"), lacks: extraction, errors: with(openaiPython, "responses", "RemoteProtocolError")},
	{
		name: "langchain-openai", program: python("python", "langchain_client.py"),
		lacks: []string{"models", "think", "extras", "extract", "stream_extract", "calls"},
		errors: map[string]string{
			"bad request": "OpenAIInvalidRequestError", "too long": "OpenAIContextOverflowError", "not found": "OpenAIModelNotFoundError", "busy": "OpenAIRateLimitError",
			"server": "OpenAIAPIError", "connection": "OpenAIConnectionError", "stream": "APIError", "responses": "ValueError", "timeout": "OpenAITimeoutError",
		},
	},
	{
		name: "pydantic-ai", program: python("python", "pydantic_ai_client.py"),
		lacks: []string{"models", "embed", "extras", "extract", "stream_extract", "calls"},
		errors: map[string]string{
			"bad request": "ModelRequestRejectedError", "too long": "ModelContextWindowExceededError", "not found": "ModelNotFoundError", "busy": "ModelRateLimitError",
			"server": "ModelServerError", "connection": "ModelConnectionError", "stream": "ModelServerError", "responses": "ModelAPIError", "timeout": "ModelTimeoutError",
		},
		finish: responsesAsChat,
	},
	{
		name: "openai-agents", program: python("python", "agents_client.py"),
		lacks: []string{
			"models", "think", "embed", "extras", "extract", "stream_extract", "calls",
			"respond smollm2", "stream_respond smollm2", // a response that ends at max_tokens is an error for it
		},
		errors: with(openaiPython, "responses", "ModelBehaviorError"),
		finish: map[string]string{"stop": "", "length": "", "completed": "", "incomplete": ""},
	},
	{
		name: "instructor", program: python("python-2.30", "instructor_client.py"),
		lacks: []string{"models", "chat", "stream", "think", "tools", "stream_tools", "respond", "stream_respond", "embed", "abort", "extras"},
		errors: map[string]string{
			"bad request": "InstructorRetryException", "too long": "InstructorRetryException", "server": "InstructorRetryException",
			"stream": "InstructorRetryException", "timeout": "InstructorRetryException",
		},
	},
	{
		name: "openai-javascript", program: javascript("openai.mjs"), lacks: extraction,
		errors: map[string]string{
			"bad request": "BadRequestError", "too long": "BadRequestError", "not found": "NotFoundError", "busy": "RateLimitError",
			"server": "InternalServerError", "connection": "TypeError", "stream": "APIError", "responses": "APIError", "timeout": "APIConnectionTimeoutError",
		},
	},
	{
		name: "ai-sdk", program: javascript("ai.mjs"), lacks: []string{"models", "extras", "extract", "stream_extract", "calls"},
		errors: map[string]string{
			"bad request": "AI_APICallError", "too long": "AI_APICallError", "not found": "AI_APICallError", "busy": "AI_APICallError",
			"server": "AI_APICallError", "connection": "AI_APICallError", "stream": "AI_StreamProviderError", "responses": "AI_StreamProviderError", "stream_respond late": "AI_APICallError", "timeout": "TimeoutError",
		},
		finish: responsesAsChat,
	},
	{name: "openai-go", program: golang("openai-go"), lacks: extraction, errors: openaiGo},
	{name: "openai-go-3.31", program: golang("openai-go-3.31"), lacks: extraction, errors: openaiGo},
}

// responsesAsChat are the finish reasons of clients that have one set of them for both dialects.
var responsesAsChat = map[string]string{"completed": "stop", "incomplete": "length"}

// extraction are the checks of instructor.
var extraction = []string{"extract", "stream_extract", "calls"}

func TestClients(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			var want []observation
			for _, s := range checks {
				if verb, _, _ := strings.Cut(s.Check, " "); slices.Contains(c.lacks, verb) || slices.Contains(c.lacks, s.Check) {
					continue
				}
				if s.Error != "" {
					s.Error = cmp.Or(c.errors[s.Check], c.errors[s.Error])
				}
				if own, ok := c.finish[s.Finish]; ok {
					s.Finish = own
				}
				want = append(want, s)
			}
			got := f.run(t, c.program(t))
			for i := range min(len(want), len(got)) {
				if m := want[i].Message; strings.Contains(got[i].Message, m) {
					got[i].Message = m
				}
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("the observations differ (-want +got):\n%s", diff)
			}
		})
	}
}

// The stream of "patient" contains comments, which clients must ignore.
func TestHeartbeats(t *testing.T) {
	r := start(t).penstock.Post("/v1/chat/completions", `{"model":"patient","messages":[{"role":"user","content":"Hello"}],"stream":true}`)
	if !strings.Contains(r.Body, "\n: keep-alive\n") {
		t.Errorf("no heartbeat in %q", r.Body)
	}
}

// run runs a client's program and returns its observations. After each request that it has canceled
// the program waits for a line, which is sent when the model has noticed.
func (f *fixture) run(t *testing.T, program *exec.Cmd) (all []observation) {
	program.Env = append(os.Environ(), "OPENAI_BASE_URL="+f.penstock.URL+"/v1", "OPENAI_API_KEY=unused")
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
		var s observation
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Errorf("%v in %q", err, lines.Text())
		}
		t.Log(lines.Text())
		verb, model, _ := strings.Cut(s.Check, " ")
		if model == "smollm2" && s.Text != "" {
			s.Text = anything
		}
		ignored := strings.Split(s.Ignored, ", ")
		slices.Sort(ignored)
		s.Ignored = strings.Join(ignored, ", ")
		all = append(all, s)
		if verb == "abort" || verb == "timeout" {
			f.waitCanceled(t, model)
			if _, err := io.WriteString(stdin, "canceled\n"); err != nil {
				t.Error(err)
			}
		}
	}
	if err := program.Wait(); err != nil {
		t.Errorf("it exited with %v; its stderr:\n%s", err, stderr.String())
	}
	return all
}

// installed returns the path where `make e2e` installs a client.
func installed(t *testing.T, name string) string {
	return filepath.Join(server.Root(t), ".penstock", "e2e", name)
}

func python(environment, script string) func(t *testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		return exec.CommandContext(t.Context(), installed(t, environment+"/bin/python"), "python/"+script)
	}
}

// javascript passes the script as an argument: Node.js then looks for packages in the folder where
// it runs, not in the script's.
func javascript(script string) func(t *testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		text, err := os.ReadFile("javascript/" + script)
		if err != nil {
			t.Fatal(err)
		}
		folder := installed(t, "javascript")
		node, err := filepath.Glob(folder + "/node_modules/node-*/bin/node")
		if err != nil || len(node) != 1 {
			t.Fatalf("found %q instead of one Node.js: run make e2e", node)
		}
		program := exec.CommandContext(t.Context(), node[0], "--input-type=module", "--eval", string(text))
		program.Dir = folder
		return program
	}
}

func golang(name string) func(t *testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		return exec.CommandContext(t.Context(), installed(t, name))
	}
}
