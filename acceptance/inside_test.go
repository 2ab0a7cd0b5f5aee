package acceptance

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"penstock/clip"
	"penstock/clip/fetch"
	"penstock/engine"
	"penstock/gateway"
	"penstock/onnx"
	"penstock/onnx/onnxtest"
)

// within serves models of the test's own from the test's process, over TCP, with that many permits and places in line.
// Whoever watches is told what happens, beside the metrics. When the test ends, no permit may be held any more.
func within(t *testing.T, permits, queue int, watch func(*gateway.Metrics) engine.Observer, add func(*engine.Engine)) (*house, *engine.Engine) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	metrics := gateway.NewMetrics("test", log)
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: permits, Queue: queue, Timeout: patience}, Observer: watch(metrics)})
	add(e)
	g := gateway.New(gateway.Options{
		Engine: e, Metrics: metrics, Log: log,
		MaxBody: 1 << 20, ReadHeaderTimeout: patience, Heartbeat: patience, WriteTimeout: patience, Retry: time.Second, Buffer: 1 << 20, Window: time.Minute,
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- g.Serve(ctx, listener, patience) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if gate := e.Snapshot().Gates[0]; gate.InUse != 0 || gate.Inside != 0 {
			t.Errorf("left at the gate: %+v", gate)
		}
	})
	<-e.Load(t.Context())
	for _, m := range e.Snapshot().Models {
		if m.State != engine.StateReady {
			t.Fatalf("%s is %s: %s", m.Name, m.State, m.Reason)
		}
	}
	return newHouse(t, "http://"+listener.Addr().String()), e
}

// unwatched lets the metrics alone be told.
func unwatched(m *gateway.Metrics) engine.Observer { return m }

// addCLIP adds the CLIP of the repository, which may fetch pictures from the test's own machine.
func addCLIP(t *testing.T) func(*engine.Engine) {
	return func(e *engine.Engine) {
		clip.New(clip.Options{
			Name: "clip", Path: filepath.Join(root(t), "models", "clip-tiny"), Labels: []string{"a photo of a cat", "a photo of a dog"},
			Fetch: fetch.Options{Allow: []string{"127.0.0.0/8"}}, ONNX: onnx.Options{Library: onnxtest.Library(t)},
		}).Register(e)
	}
}

// emit is how a writer says a word.
type emit = func(...string) error

// addWriter adds a generator whose verbs stream and chat say what write says.
func addWriter(write func(context.Context, emit) (engine.End, error)) func(*engine.Engine) {
	return func(e *engine.Engine) {
		m := e.Add("writer", engine.Lifecycle{Kind: "test"})
		for verb, chunk := range map[string]func(word string) any{
			"stream": func(word string) any { return map[string]string{"text": word} },
			"chat": func(word string) any {
				return map[string]any{"object": "chat.completion.chunk", "choices": []any{map[string]any{"index": 0, "delta": map[string]string{"content": word}}}}
			},
		} {
			engine.Generates(m, verb, engine.Generator[struct{}, struct{}, string]{
				Decode:     func(engine.Input) (struct{}, error) { return struct{}{}, nil },
				Preprocess: func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil },
				Generate: func(ctx context.Context, _ struct{}, say emit) (engine.End, error) {
					return write(ctx, say)
				},
				Encode: func(word string) (engine.Encoded, error) {
					data, err := json.Marshal(chunk(word))
					return engine.Encoded{Data: data}, err
				},
			})
		}
	}
}
