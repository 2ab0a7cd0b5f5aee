package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// As long as one handler of a connection runs, net/http keeps the memory of all its streams.
func TestAStreamThatWasResetBeforeItsHandlerRanIsNotServed(t *testing.T) {
	served := false
	h := serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true }))
	ctx, reset := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	r.ProtoMajor = 2
	if h.ServeHTTP(httptest.NewRecorder(), r); !served {
		t.Error("a stream is not served")
	}
	served = false
	reset()
	if h.ServeHTTP(httptest.NewRecorder(), r); served {
		t.Error("it is served")
	}
}
