package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	"penstock/engine"
	"penstock/gateway"
	"penstock/sse"
)

// images is a model that emits n chunks of a size, as fast as they are taken.
type images struct {
	n, size int
	waits   bool
	emitted atomic.Int64
	ended   atomic.Pointer[time.Time] // when the generation was over
}

func (i *images) add(e *engine.Engine) {
	data := []byte(`{"x":"` + strings.Repeat("x", i.size) + `"}`)
	engine.Generates(e.Add("images", engine.Lifecycle{Kind: "test"}), "generate", engine.Generator[*dialect.Request, *dialect.Request, dialect.Delta]{
		Preprocess: same[*dialect.Request],
		Generate: func(_ context.Context, _ *dialect.Request, emit func(...dialect.Delta) error) (engine.End, error) {
			defer func() { i.ended.Store(new(time.Now())) }()
			for range i.n {
				if err := emit(dialect.Delta{Dialect: dialect.Chat, Event: sse.Event{Data: data}, Read: true}); err != nil {
					return engine.End{}, err
				}
				i.emitted.Add(1)
			}
			return engine.Stopped(engine.Usage{}), nil
		},
		Waits: i.waits,
	})
}

const imagesBody = `{"model":"images","stream":true,"messages":[{"role":"user","content":"Draw."}]}`

// over are the two ways to a gateway.
var over = map[string]func(*server, *testing.T) *http.Client{
	"HTTP/1": (*server).inMemory,
	"HTTP/2": (*server).overHTTP2,
}

func draw(t *testing.T, client *http.Client, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://localhost"+chatPath, strings.NewReader(imagesBody))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// A reader of a relay that takes 64 KiB within each write_timeout gets everything, though each
// event, the buffer, and all of it together, take it far longer.
func TestASlowReaderOfARelayGetsAll(t *testing.T) {
	for name, connect := range over {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				model := &images{n: 3, size: 10 << 20, waits: true}
				s := newServer(t, 1, 0, model.add)
				res := draw(t, connect(s, t))
				defer res.Body.Close()
				began, read := time.Now(), 0
				piece := make([]byte, 64<<10)
				var end []byte
				for {
					n, err := io.ReadFull(res.Body, piece)
					read += n
					end = append(end[max(0, len(end)-100):], piece[:n]...)
					if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // of ReadFull
						break
					}
					if err != nil {
						t.Fatalf("after %d bytes: %v", read, err)
					}
					time.Sleep(9 * time.Second)
					if emitted := int(model.emitted.Load()); emitted > read/model.size+2 {
						t.Fatalf("%d events are taken of the model with %d bytes read", emitted, read)
					}
				}
				if read < 30<<20 || !strings.HasSuffix(string(end), "data: [DONE]\n\n") || time.Since(began) < time.Hour {
					t.Errorf("%d bytes came in %s, and at the end %.100q", read, time.Since(began), end)
				}
			})
		})
	}
}

// A reader that does not read is cut once a write of 64 KiB takes longer than write_timeout, and
// the generation that waits for it ends.
func TestAStuckReaderOfARelayIsCut(t *testing.T) {
	for name, connect := range over {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				model := &images{n: 100, size: 1 << 20, waits: true}
				s := newServer(t, 1, 0, model.add)
				res := draw(t, connect(s, t))
				defer res.Body.Close()
				if _, err := io.CopyN(io.Discard, res.Body, 3<<20); err != nil {
					t.Fatal(err)
				}
				stuck := time.Now()
				time.Sleep(20 * time.Second)
				ended := model.ended.Load()
				if ended == nil {
					t.Fatal("the generation goes on")
				}
				if after := ended.Sub(stuck); after < 10*time.Second || after > 13*time.Second {
					t.Errorf("it was cut after %s", after)
				}
				if g := s.Snapshot(); g.Readers != 0 || g.Gates[0].InUse != 0 {
					t.Errorf("left: %+v", g)
				}
				if got := metrics(s); !strings.Contains(got, `penstock_stream_readers_dropped_total{reason="write_timeout"} 1`) {
					t.Error("it is not counted as stuck")
				}
				if b, err := io.ReadAll(res.Body); err == nil || strings.Contains(string(b), "[DONE]") {
					t.Errorf("the reader saw %v", err)
				}
			})
		})
	}
}

// A reader that leaves ends a generation that waits for it at once.
func TestAGenerationThatWaitsForAReaderEndsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := &images{n: 100, size: 1 << 20, waits: true}
		s := newServer(t, 1, 0, model.add)
		res := draw(t, s.inMemory(t))
		synctest.Wait()
		if emitted := model.emitted.Load(); model.ended.Load() != nil || emitted > 10 {
			t.Fatalf("the generation does not wait: %d events are taken", emitted)
		}
		left := time.Now()
		res.Body.Close()
		synctest.Wait()
		if ended := model.ended.Load(); ended == nil || ended.Sub(left) > 0 {
			t.Errorf("it ended %v", ended)
		}
		if g := s.Snapshot(); g.Readers != 0 || g.Gates[0].InUse != 0 {
			t.Errorf("left: %+v", g)
		}
	})
}

// A local model is never slowed down by a reader, nor is any whose stream can be resumed.
func TestOtherModelsDoNotWaitForReaders(t *testing.T) {
	for name, c := range map[string]struct {
		waits   bool
		headers []string
	}{
		"local":     {},
		"resumable": {waits: true, headers: []string{"X-Penstock-Resumable", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				model := &images{n: 40, size: 64 << 10, waits: c.waits}
				s := newServer(t, 1, 0, model.add, func(o *gateway.Options) { o.Buffer = 8 << 20 })
				res := draw(t, s.inMemory(t), c.headers...)
				defer res.Body.Close()
				synctest.Wait()
				if model.ended.Load() == nil || model.emitted.Load() != 40 {
					t.Errorf("%d events have been taken of the model", model.emitted.Load())
				}
				if g := s.Snapshot(); g.Gates[0].InUse != 0 {
					t.Error("the permit is held")
				}
				b, err := io.ReadAll(res.Body)
				if err != nil || len(b) < 40*64<<10 {
					t.Errorf("%d bytes came: %v", len(b), err)
				}
			})
		})
	}
}

// Events of any size are the same bytes as small ones: with ids and several lines of data too.
func TestLargeEventsAreWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range []int{64<<10 - 20, 64 << 10, 200_000} {
			model := &images{n: 2, size: size, waits: true}
			s := newServer(t, 1, 0, model.add)
			w := s.record(request("POST", chatPath, imagesBody, "X-Penstock-Resumable", "1"))
			id := strings.TrimPrefix(w.Header().Get("Location"), "/v1/streams/")
			var want strings.Builder
			for n := range 2 {
				fmt.Fprintf(&want, "id: %s-%d\ndata: {\"x\":%q}\n\n", id, n+1, strings.Repeat("x", size))
			}
			if got := w.Body.String(); !strings.HasPrefix(got, want.String()) {
				t.Errorf("two events of %d bytes come as %d bytes", size, len(got))
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
