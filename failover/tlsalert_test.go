package failover

import (
	"errors"
	"net"
	"strings"
	"testing"
)

// A server that needs a certificate of the gateway's sends an alert, whose type crypto/tls does not
// export.
func TestATLSAlertIsNoCutResponse(t *testing.T) {
	f := NoResponse(t.Context(), &net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")})
	if f.Outcome != OutcomeUnreachable || f.Action != TryNext || !strings.HasPrefix(f.Err.Cause.Error(), "tls: ") {
		t.Errorf("%+v %v", f, f.Err)
	}
}
