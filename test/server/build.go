package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// CommandPackage is the import path of the penstock command.
const CommandPackage = "penstock/cmd/penstock"

// Patience bounds every wait. It ends a test that hangs; no test passes or fails by it otherwise.
const Patience = 2 * time.Minute

// Main runs a package's tests and exits. It fails if goroutines are left at the end, and removes
// the binary if the tests have built one.
func Main(m *testing.M) {
	// The clock of regexp2, which a tokenizer uses, stops seconds after its last use.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"), goleak.Cleanup(func(code int) {
		Cleanup()
		os.Exit(code)
	}))
}

// Cleanup removes the binary that the tests have built, for a package whose tests run without Main.
func Cleanup() {
	if err := os.RemoveAll(buildFolder()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// Binary returns the path of the built command.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// build builds the command once for this process. With the race detector in the tests it is in the
// command too, whose exit status then reports a race.
var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildFolder(), "penstock")
	args := []string{"build", "-o", path}
	info, _ := debug.ReadBuildInfo()
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, CommandPackage)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// buildFolder is where this process builds the command.
func buildFolder() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("penstock-test-%d", os.Getpid()))
}

// Root returns the project's folder: the one with go.mod, at or above the working directory.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod at or above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
