package examples

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"penstock/test/server"
)

const pythonModel = "../../examples/python-model"

// pythonAddress is the server's address in the example's penstock.yaml.
const pythonAddress = "http://127.0.0.1:9000"

// python is the example's server, on a port that the kernel has chosen.
type python struct {
	t      *testing.T
	url    string
	cmd    *exec.Cmd
	stderr chan string   // its lines; closed when it has exited
	exited chan struct{} // closed once it has
}

func startPython(t *testing.T) *python {
	t.Helper()
	cmd := exec.Command("python3", "model.py", "0")
	cmd.Dir = pythonModel
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &python{t: t, cmd: cmd, stderr: make(chan string, 1000), exited: make(chan struct{})}
	address := make(chan string, 1)
	go func() {
		defer close(p.exited)
		line, _ := bufio.NewReader(stdout).ReadString('\n') // empty if it has exited
		address <- strings.TrimSpace(line)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.stderr <- lines.Text()
		}
		close(p.stderr)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(p.kill)
	if p.url = <-address; p.url == "" {
		t.Fatalf("model.py printed no address, but %q", <-p.stderr)
	}
	return p
}

// kill ends the process at once, in the middle of what it does.
func (p *python) kill() {
	_ = p.cmd.Process.Kill() // it may have been killed
	<-p.exited
}

// await waits for a line on standard error that ends with a text.
func (p *python) await(text string) {
	p.t.Helper()
	for line := range p.stderr {
		if strings.HasSuffix(line, text) {
			return
		}
	}
	p.t.Fatalf("model.py has exited and not printed %q", text)
}

// servePython runs Penstock with the example's configuration, in front of the example's server.
func servePython(t *testing.T) (*python, *server.Client) {
	t.Helper()
	model := startPython(t)
	config, err := os.ReadFile(filepath.Join(pythonModel, "penstock.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(config), pythonAddress) {
		t.Fatalf("penstock.yaml does not name %s", pythonAddress)
	}
	p := server.Start(t, server.Options{Config: strings.ReplaceAll(string(config), pythonAddress, model.url)})
	return model, p.Client()
}

const babbling = `{"text": "the cat sat on the mat and the dog sat on the cat", "count": 1000}`

func TestPythonModelIsThirtyLines(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(pythonModel, "model.py"))
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, `"""`) || strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "from ")
	})
	if len(lines) > 30 {
		t.Errorf("model.py has %d lines beside its imports, and its README says thirty", len(lines))
	}
}

func TestPythonModelPredicts(t *testing.T) {
	_, c := servePython(t)
	r := c.Post("/v1/models/sentiment:predict", `{"text": "I love a sunny day"}`)
	if r.Status != http.StatusOK || strings.TrimSpace(r.Body) != `{"score": 4}` {
		t.Errorf("predict: status %d, %s", r.Status, r.Body)
	}
	r = c.Post("/v1/models/sentiment:predict", `{"text": " "}`)
	if e := r.Error(t); r.Status != http.StatusBadRequest || !strings.Contains(e.Message, "there are no words in text") {
		t.Errorf("without words: status %d, %+v", r.Status, e)
	}
}

func TestPythonModelStreams(t *testing.T) {
	_, c := servePython(t)
	events := c.Open("POST", "/v1/models/babble/stream", strings.Replace(babbling, "1000", "4", 1)).Rest()
	first, chunks, last := events[0], events[1:len(events)-1], events[len(events)-1]
	var text strings.Builder
	for _, e := range chunks {
		var chunk struct{ Text string }
		if err := json.Unmarshal([]byte(e.Data), &chunk); err != nil || e.Type != "" || e.LastEventID == "" {
			t.Errorf("not a chunk with an id: %+v (%v)", e, err)
		}
		text.WriteString(chunk.Text)
	}
	if first.Type != "started" || len(chunks) != 4 || text.String() != "the mat and the " || last.Type != "done" {
		t.Errorf("%+v, %d chunks with the text %q, and %+v", first, len(chunks), text.String(), last)
	}
}

func TestPythonModelIsCanceled(t *testing.T) {
	model, c := servePython(t)
	s := c.Open("POST", "/v1/models/babble/stream", babbling)
	s.Until("")
	s.Close()
	model.await("canceled")
	c.WaitMetric(`penstock_gate_permits_in_use{gate="babble"}`, 0)
}

func TestAKilledPythonModelIsAFailure(t *testing.T) {
	model, c := servePython(t)
	s := c.Open("POST", "/v1/models/babble/stream", babbling)
	s.Until("")
	model.kill()
	var failure server.Error
	if err := json.Unmarshal([]byte(s.Until("failed").Data), &failure); err != nil || failure.Code == "" {
		t.Errorf("failed with %+v (%v)", failure, err)
	}
	if rest := s.Rest(); len(rest) > 0 {
		t.Errorf("after the failure: %+v", rest)
	}
	if r := c.Post("/v1/models/babble:predict", babbling); r.Status < 500 || r.Error(t).Code == "" {
		t.Errorf("without a server: status %d, %s", r.Status, r.Body)
	}
}

// example is a command in the example's README that has the word test in its fence, and the output
// that follows it.
var example = regexp.MustCompile("(?ms)^```sh test\n(.*?)^```\n\n```\n(.*?)^```\n")

// random is what differs from run to run in an output: ids of requests and streams.
var random = regexp.MustCompile(`[0-9a-f]{32}`)

func TestPythonReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(pythonModel, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, c := servePython(t)
	examples := example.FindAllStringSubmatch(string(readme), -1)
	if len(examples) < 4 {
		t.Fatalf("the README has only %d commands with their output", len(examples))
	}
	for _, e := range examples {
		command := strings.ReplaceAll(e[1], "http://127.0.0.1:8080", c.URL)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
		want, got := random.ReplaceAllString(e[2], "ID"), random.ReplaceAllString(string(out), "ID")
		if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); err != nil || diff != "" {
			t.Errorf("%s\n%v (-README +output):\n%s", command, err, diff)
		}
	}
}
