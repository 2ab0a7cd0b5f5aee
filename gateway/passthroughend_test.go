package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"penstock/dialect"
	"penstock/engine"
)

// No client sees the end of a response that is passed through before its run has ended, and its
// tokens are counted and charged.
func TestAPassedThroughResponseEndsWithItsRun(t *testing.T) {
	whole := `{"whole":"` + strings.Repeat("x", 100<<10) + `"}`
	w := httptest.NewRecorder()
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		m := e.Add("remote", engine.Lifecycle{Kind: "test"})
		engine.Generates(m, "generate", engine.Generator[*dialect.Request, *dialect.Request, dialect.Delta]{
			Preprocess: same[*dialect.Request],
			Generate: func(_ context.Context, r *dialect.Request, _ func(...dialect.Delta) error) (engine.End, error) {
				r.Passthrough.Head(200, http.Header{})
				sent := 0
				for _, piece := range []string{whole[:1], "", whole[1:50000], whole[50000:]} {
					n, err := io.WriteString(r.Passthrough, piece)
					if err != nil || n != len(piece) {
						t.Errorf("%d of %d bytes were written: %v", n, len(piece), err)
					}
					sent += n
					if got := w.Body.Len(); got != sent-1 {
						t.Errorf("of %d bytes the client has %d", sent, got)
					}
				}
				return engine.Stopped(engine.Usage{PromptTokens: 3}), nil
			},
		})
	})
	s.ServeHTTP(recorder{w}, request("POST", chatPath, remoteBody(false, "hello")))
	if w.Body.String() != whole {
		t.Errorf("the client has %d bytes, not %d", w.Body.Len(), len(whole))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
