package failover

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
)

func TestRejections(t *testing.T) {
	for _, c := range []struct {
		status  int
		after   string
		outcome Outcome
		action  Action
		wait    time.Duration
		code    apierr.Code
	}{
		{429, "", OutcomeRateLimited, TryNext, 0, apierr.CodeRateLimited},
		{429, "3", OutcomeRateLimited, RetryLater, 3 * time.Second, apierr.CodeRateLimited},
		{429, "30", OutcomeRateLimited, TryNext, 30 * time.Second, apierr.CodeRateLimited},
		{429, "3000", OutcomeRateLimited, TryNext, maxCool, apierr.CodeRateLimited},
		{503, "1", OutcomeRateLimited, RetryLater, time.Second, apierr.CodeUpstreamError},
		{503, "", OutcomeError, Retry, 0, apierr.CodeUpstreamError},
		{500, "1", OutcomeError, Retry, 0, apierr.CodeUpstreamError},
		{408, "", OutcomeError, Retry, 0, apierr.CodeUpstreamError},
		{400, "", OutcomeRejected, GiveUp, 0, apierr.CodeInvalidInput},
		{404, "", OutcomeRejected, GiveUp, 0, apierr.CodeInvalidInput},
		{307, "", OutcomeError, TryNext, 0, apierr.CodeUpstreamError},
	} {
		h := http.Header{}
		if c.after != "" {
			h.Set("Retry-After", c.after)
		}
		f := Rejected(c.status, h)
		if f.Outcome != c.outcome || f.Action != c.action || f.Wait != c.wait || f.Err.Code != c.code || f.Status != c.status {
			t.Errorf("%d, Retry-After %q: %+v", c.status, c.after, f)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"2": 2 * time.Second, "0.5": 500 * time.Millisecond, "-1": -1, "soon": -1, "": -1, "1e9": -1, "NaN": -1,
			time.Now().Add(time.Minute).UTC().Format(http.TimeFormat):  time.Minute,
			time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat): 0,
		} {
			if d, ok := RetryAfter(http.Header{"Retry-After": {value}}); ok != (want >= 0) || ok && d != want {
				t.Errorf("%q is %v, %t", value, d, ok)
			}
		}
		if d, ok := RetryAfter(http.Header{"Retry-After": {"2"}, "Retry-After-Ms": {"1500"}}); !ok || d != 1500*time.Millisecond {
			t.Errorf("in milliseconds: %v, %t", d, ok)
		}
	})
}

// A request without a response is sent to the same server again only if that may help.
func TestRequestsWithoutAResponse(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, c := range []struct {
		err     error
		kind    string
		outcome Outcome
		action  Action
	}{
		{dial(&net.DNSError{Err: "no such host", Name: "x"}), "dns", OutcomeUnreachable, Retry},
		{dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "refused", OutcomeUnreachable, Retry},
		{dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), "dial", OutcomeUnreachable, Retry},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "tls", OutcomeUnreachable, TryNext},
		{tls.AlertError(40), "tls", OutcomeUnreachable, TryNext},
		{io.EOF, "reset", OutcomeCut, Retry},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, "reset", OutcomeCut, Retry},
	} {
		f := NoResponse(t.Context(), fmt.Errorf("send: %w", c.err))
		if f.Outcome != c.outcome || f.Action != c.action || !strings.HasPrefix(f.Err.Cause.Error(), c.kind+": ") || !errors.Is(f.Err, c.err) {
			t.Errorf("%v: %+v", c.err, f)
		}
	}
}

func TestWhatATimeoutReports(t *testing.T) {
	for cause, message := range map[Timeout]string{
		NoConnection: "the upstream accepted no connection within 3s; try again later",
		NoFirstToken: "the upstream sent no first token within 3s; try again later",
		NoFirstChunk: "the upstream sent no first chunk within 3s; try again later",
		NoHead:       "the upstream sent no response within 3s; try again later",
		NoWhole:      "the upstream sent no whole response within 3s; try again later",
		Silence:      "the upstream sent nothing for 3s in the middle of its response; try again later",
		NoEnd:        "", // canceled
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, w := new(Sequence).Watch(t.Context(), time.Minute)
			defer w.Stop()
			w.Set(3*time.Second, cause)
			<-ctx.Done()
			for _, f := range []*Failure{NoResponse(ctx, ctx.Err()), Broken(ctx, ctx.Err())} {
				timeout := f.Outcome == OutcomeTimeout && f.Action == TryNext && f.Err.Code == apierr.CodeUpstreamTimeout && f.Err.Message == message
				if timeout != (message != "") || !timeout && f.Outcome != OutcomeCanceled || !errors.Is(f.Err, cause) {
					t.Errorf("%v: %+v", cause, f)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	if f := Broken(ctx, io.ErrUnexpectedEOF); f.Outcome != OutcomeCut {
		t.Errorf("a body that ends early: %+v", f)
	}
	cancel()
	if f := Broken(ctx, io.ErrUnexpectedEOF); f.Outcome != OutcomeCanceled || f.Action != GiveUp {
		t.Errorf("a client that left: %+v", f)
	}
}
