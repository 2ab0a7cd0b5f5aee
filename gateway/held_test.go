package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	"penstock/engine"
	"penstock/gateway"
	"penstock/memory"
	"penstock/test/memnet"
)

// A request that is refused before its body is read does not wait for the body for ever.
func TestABodyThatNoHandlerReadsIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 1, words(nil))
		l := memnet.Listen()
		s.serve(t, l, l.Client())
		c, err := l.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != 404 || !res.Close {
			t.Fatalf("%v %v", res, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("after %v", took)
		}
	})
}

// A whole response is reserved as it is generated.
func TestAWholeResponseThatDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := memory.New(1 << 20)
		s := newServer(t, 1, 1, func(e *engine.Engine) {
			engine.Generates(e.Add("endless", engine.Lifecycle{Kind: "test"}), "generate", engine.Generator[*dialect.Request, *dialect.Request, dialect.Delta]{
				Preprocess: func(_ context.Context, r *dialect.Request) (*dialect.Request, error) { return r, nil },
				Generate: func(_ context.Context, _ *dialect.Request, emit func(...dialect.Delta) error) (engine.End, error) {
					for {
						if err := emit(dialect.Delta{Text: strings.Repeat("x", 10_000)}); err != nil {
							return engine.End{}, err
						}
					}
				},
			})
		}, func(o *gateway.Options) { o.Memory = budget })
		client := s.inMemory(t)
		for path, body := range map[string]string{"/v1/models/endless:predict": `{"prompt":"x"}`, chatPath: `{"model":"endless","messages":[{"role":"user","content":"x"}]}`} {
			res, err := client.Post("http://localhost"+path, "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != 503 || !strings.Contains(string(text), "memory_exhausted") {
				t.Errorf("%s: %d %s %v", path, res.StatusCode, text, err)
			}
		}
		synctest.Wait()
		if now := budget.Snapshot(); now.Callers != 0 {
			t.Errorf("%+v", now)
		}
	})
}
