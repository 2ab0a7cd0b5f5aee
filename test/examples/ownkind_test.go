package examples

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tmaxmax/go-sse"

	_ "penstock/kinds" // so that go test does not reuse a result from before a change of what is built
	"penstock/test/server"
)

const ownKind = "../../examples/own-kind"

// build builds an example in its folder and returns the path of its binary.
func build(t *testing.T, folder string) string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources { // go test does not reuse a result from before they changed
		if _, err := os.Stat(source); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(t.TempDir(), filepath.Base(folder))
	command := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	command.Dir = folder
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build in %s (make tidy updates its go.mod): %v\n%s", folder, err, out)
	}
	return binary
}

func TestOwnKind(t *testing.T) {
	binary := build(t, ownKind)
	t.Run("check", func(t *testing.T) { testCheck(t, binary) })
	t.Run("check reports misspelled options", func(t *testing.T) { testCheckReports(t, binary) })
	t.Run("serve", func(t *testing.T) { testServe(t, binary) })
}

func testCheck(t *testing.T, binary string) {
	command := exec.CommandContext(t.Context(), binary, "check")
	command.Dir = ownKind
	out, err := command.CombinedOutput()
	const want = "penstock.yaml: OK\n" +
		"  count      wordcount  \n" +
		"  echo       echo       a word every 0s\n" +
		"  slow-echo  echo       a word every 100ms\n"
	if err != nil || string(out) != want {
		t.Errorf("%v, %s\nwant %s", err, out, want)
	}
}

func testCheckReports(t *testing.T, binary string) {
	const text = `models:
  - {name: a, kind: wordcount, min_lenght: 2}
  - {name: b, kind: wordcount, min_length: 0, ignore: [the, the]}
  - {name: c, kind: ecko}
  - {name: d, kind: echo, pause: 5, postprocess: upper}
`
	const want = `bad.yaml:2:32: unknown key "min_lenght": did you mean "min_length"?
bad.yaml:3:44: models[1].min_length must be at least 1, not 0
bad.yaml:3:61: models[1].ignore[1] is the same as models[1].ignore[0]
bad.yaml:4:21: models[2].kind must be clip, onnx-llm, openai, http, wordcount or echo, not "ecko": did you mean "echo"?
bad.yaml:5:34: models[3].pause must be a duration with its unit, such as 30s or 2m, not 5: did you mean 5s?
bad.yaml:5:37: a generator must not have a postprocess step: do that work while generating, or in the client
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), binary, "check", "--config", "bad.yaml")
	command.Dir = dir
	out, _ := command.CombinedOutput()
	if diff := cmp.Diff(want, string(out)); diff != "" || command.ProcessState.ExitCode() != 2 {
		t.Errorf("status %d (-want +got):\n%s", command.ProcessState.ExitCode(), diff)
	}
}

func testServe(t *testing.T, binary string) {
	p := server.Start(t, server.Options{Binary: binary, Dir: ownKind})
	if r := request(t, "GET", p.URL+"/readyz", ""); r.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %s", r.Status)
	}

	if page := body(t, request(t, "GET", p.URL+"/", "")); !strings.Contains(page, "<html") {
		t.Errorf("the page at / is\n%s", page)
	}
	got := body(t, request(t, "POST", p.URL+"/v1/models/count:predict", `{"text": "the cat and a dog"}`))
	if got != `{"words":2}` {
		t.Errorf("predict returned %s", got)
	}
	wrong := request(t, "POST", p.URL+"/v1/models/echo/stream", `{"text": ""}`)
	if got := body(t, wrong); wrong.StatusCode != http.StatusBadRequest || !strings.Contains(got, "there is nothing to repeat") {
		t.Errorf("without text: %s, %s", wrong.Status, got)
	}

	// A stream that outlives its reader is read to its end, and once more from its second word on.
	created := request(t, "POST", p.URL+"/v1/streams", `{"model": "echo", "input": {"text": "one two three"}}`)
	body(t, created)
	stream := p.URL + created.Header.Get("Location")
	whole := events(t, request(t, "GET", stream, ""))
	var words []string
	after := ""
	for _, e := range whole {
		if e.Type == "" && e.Data != "" {
			words = append(words, e.Data)
		}
		if len(words) == 1 && after == "" {
			after = e.LastEventID
		}
	}
	if diff := cmp.Diff([]string{`{"text":"one "}`, `{"text":"two "}`, `{"text":"three"}`}, words); diff != "" || whole[len(whole)-1].Type != "done" {
		t.Errorf("streamed, ending with %q (-want +got):\n%s", whole[len(whole)-1].Type, diff)
	}
	resumed := events(t, request(t, "GET", stream, "", "Last-Event-ID", after))
	if diff := cmp.Diff(whole[len(whole)-3:], resumed[len(resumed)-3:]); diff != "" || strings.Contains(resumed[len(resumed)-4].Data, "one") {
		t.Errorf("resumed after %s (-first +resumed):\n%s", after, diff)
	}

	// SIGTERM in the middle of a stream: it still ends well, and so does the process.
	running := request(t, "POST", p.URL+"/v1/models/slow-echo/stream", `{"text": "one word at a time"}`)
	count, last := 0, ""
	for e, err := range sse.Read(running.Body, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if last = e.Type; e.Type == "" && e.Data != "" {
			if count++; count == 1 {
				p.Signal(syscall.SIGTERM)
			}
		}
	}
	if count != 5 || last != "done" {
		t.Errorf("a stream that drained has %d words and ends with %q", count, last)
	}
	if state := p.Wait(); !state.Success() {
		t.Errorf("the process ended with %v:\n%s", state, p.Stderr())
	}
}

// request sends a request with a JSON body, or none, and pairs of header names and values.
func request(t *testing.T, method, url, json string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// body reads a response to its end.
func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// events reads a response's Server-Sent Events to its end.
func events(t *testing.T, r *http.Response) []sse.Event {
	t.Helper()
	var all []sse.Event
	for e, err := range sse.Read(r.Body, nil) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if len(all) < 4 {
		t.Fatalf("%s: only %d events: %v", r.Status, len(all), all)
	}
	return all
}
