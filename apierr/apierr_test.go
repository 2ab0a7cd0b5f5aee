package apierr_test

import (
	"strings"
	"testing"

	"penstock/apierr"
)

func TestErrorsRepeatLittleOfARequest(t *testing.T) {
	long := strings.Repeat("é", 1000)
	e := apierr.InvalidInput("r", "%s and %q of %d", long, "short", 7)
	if want := strings.Repeat("é", 128) + `… and "short" of 7`; e.Message != want {
		t.Errorf("got %q", e.Message)
	}
	if got := apierr.Shorten("x" + long); got != "x"+strings.Repeat("é", 127)+"…" {
		t.Errorf("got %q", got)
	}
}
