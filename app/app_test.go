package app

import (
	"bytes"
	"testing"
)

func TestTwoKindsOfOneNameAreRefused(t *testing.T) {
	add := func(Env, string, struct{}) error { return nil }
	var stdout, stderr bytes.Buffer
	status := run([]Kind{NewPredictorKind("a", add), NewGeneratorKind("b", add), NewGeneratorKind("a", add)}, []string{"version"}, &stdout, &stderr)
	if want := "penstock: two kinds of model have the name \"a\"\n"; status != 1 || stderr.String() != want || stdout.Len() > 0 {
		t.Errorf("status %d, %q, want %q", status, stderr.String(), want)
	}
}
