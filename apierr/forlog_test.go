package apierr_test

import (
	"errors"
	"fmt"
	"testing"

	"penstock/apierr"
)

func TestLogsHaveLoggedInPlaceOfWhatQuotes(t *testing.T) {
	quoting := &apierr.Error{Code: apierr.CodeUpstreamError, Message: "no: PROMPT", Logged: "status 500"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("plain"), "plain"},
		{&apierr.Error{Code: apierr.CodeGone, Message: "it is gone", Cause: errors.New("why")}, "gone: it is gone: why"},
		{quoting, "upstream_error: status 500"},
		{fmt.Errorf("write: %w", quoting), "upstream_error: status 500"},
		{&apierr.Error{Code: apierr.CodeGone, Message: "it is gone", Cause: fmt.Errorf("why: %w", quoting)}, "upstream_error: status 500"},
		{errors.Join(errors.New("first"), quoting), "upstream_error: status 500"},
	} {
		if got := apierr.ForLog(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
