package engine_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/engine"
)

func TestAGeneratorWithPostprocessDoesNotCompile(t *testing.T) {
	out, err := exec.Command("go", "vet", "./testdata/plain").CombinedOutput()
	if err != nil {
		t.Fatalf("the generator without a postprocess step does not compile: %v\n%s", err, out)
	}
	out, err = exec.Command("go", "vet", "./testdata/postprocess").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "unknown field Postprocess") {
		t.Fatalf("the generator with a postprocess step: %v\n%s", err, out)
	}
}

func TestTheZeroEndIsAFailure(t *testing.T) {
	e := newEngine(t, 1, 0)
	g := writer(e, func(ctx context.Context, emit func(...string) error) (engine.End, error) {
		return engine.End{}, emit("all that comes")
	})
	got := read(t, start(t, g))
	if got.text != "all that comes" || got.failed == nil || !errors.Is(got.failed, engine.ErrNoEnd) || got.failed.Code != apierr.CodeInternal {
		t.Fatalf("got %+v", got)
	}
}
