package acceptance

import (
	"path/filepath"
	"testing"

	"penstock/clip"
	"penstock/clip/fetch"
	"penstock/engine"
	"penstock/onnx"
	"penstock/onnx/onnxtest"
	"penstock/test/server"
	"penstock/test/testmodel"
)

// startInProcess serves models in the test's process, over TCP. When the test ends, no permit may
// be held any more.
func startInProcess(t *testing.T, o testmodel.Options) (client, *testmodel.Server) {
	t.Helper()
	o.Grace = server.Patience
	s, err := testmodel.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return client{server.NewClient(t, s.URL)}, s
}

// addCLIP adds the CLIP model of the repository, which may fetch pictures from the test's own
// machine.
func addCLIP(t *testing.T) func(*engine.Engine) error {
	return func(e *engine.Engine) error {
		clip.New(clip.Options{
			Name: "clip", Path: filepath.Join(server.Root(t), "models", "clip-tiny"),
			Labels: []string{"a photo of a cat", "a photo of a dog"},
			Fetch:  fetch.Options{Allow: []string{"127.0.0.0/8"}},
			ONNX:   onnx.Options{Library: onnxtest.Library(t)},
		}).Register(e)
		return nil
	}
}
