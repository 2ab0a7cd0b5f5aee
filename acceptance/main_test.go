package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/goleak"

	"penstock/internal/served"
)

// patience ends a test that hangs; none passes or fails by it otherwise.
const patience = 2 * time.Minute

// binary is the penstock that TestMain has built.
var binary string

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	dir, err := os.MkdirTemp("", "penstock")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "penstock")
	args := []string{"build", "-o", binary}
	if raceDetector() { // a race in the binary then fails its exit status
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "..")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.RemoveAll(dir)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// raceDetector tells whether the tests run under it.
func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// root is the project's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// bothModels is the part of a configuration that names the two models every installation begins with. Pictures may be
// fetched from the test's own machine.
const bothModels = `
models:
  - {name: clip, kind: clip, path: "ROOT/models/clip-tiny", labels: ["a photo of a cat", "a photo of a dog"], fetch: {allow: [127.0.0.0/8]}}
  - {name: smollm2, kind: onnx-llm, path: "ROOT/.penstock/models/smollm2-135m-instruct", max_tokens: 32}
`

// configuration writes a configuration file; ROOT in it stands for the project's folder.
func configuration(t *testing.T, text string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root(t), ".penstock", "models", "smollm2-135m-instruct", "tokenizer.json")); err != nil {
		t.Fatal("SmolLM2 is missing: run make setup")
	}
	file := filepath.Join(t.TempDir(), "penstock.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "ROOT", root(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// house is a penstock to talk to: another process's, or the test's own.
type house struct {
	*testing.T
	url    string
	client *http.Client
	ctx    context.Context // the test's, bounded by patience
}

func newHouse(t *testing.T, url string) *house {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	h := &house{T: t, url: url, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 20}}, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		h.client.CloseIdleConnections()
	})
	return h
}

// serve runs the binary with that configuration and environment and returns once its models are ready or have failed.
// When the test ends it gets SIGTERM, and must then exit with status 0.
func serve(t *testing.T, config string, env ...string) (*house, *served.Process) {
	t.Helper()
	p := served.Run(t, served.Command{
		Binary: binary, Dir: root(t), Args: []string{"--config", configuration(t, config)},
		Env: append(env, "GORACE=atexit_sleep_ms=0"), // else it waits a second before it exits
	})
	p.WaitReady(t)
	return newHouse(t, p.URL), p
}

// photo reads a picture of the repository's.
func photo(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(t), "clip", "testdata", "photos", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
