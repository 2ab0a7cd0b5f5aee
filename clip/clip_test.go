package clip

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dlclark/regexp2/v2"
	"go.uber.org/goleak"

	"penstock/dialect"
	"penstock/dialect/openinference"
	"penstock/engine"
	"penstock/onnx"
	"penstock/onnx/onnxtest"
)

// TestMain starts the clock that regexp2 shares among all searches with a time limit, outside of
// every test: one started in a test with virtual time would belong to that test.
func TestMain(m *testing.M) {
	re := regexp2.MustCompile("a")
	re.MatchTimeout = time.Hour
	if _, err := re.MatchString("a"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))
}

// tiny are options for the model in this repository, with the labels cat and dog.
func tiny(t testing.TB) Options {
	t.Helper()
	return Options{
		Name:       "clip",
		Path:       filepath.Join(onnxtest.Root(t), "models", "clip-tiny"),
		Labels:     []string{"a photo of a cat", "a photo of a dog"},
		AutoOrient: true,
		ONNX:       onnx.Options{Library: onnxtest.Library(t)},
	}
}

// loaded is a model in an engine of its own, and its verb predict.
type loaded struct {
	model   *Model
	engine  *engine.Engine
	predict *engine.Prediction[Request, Result]
}

func load(t testing.TB, o Options) loaded {
	t.Helper()
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 5, Queue: 100}})
	m := New(o)
	p := m.Register(e)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	<-e.Load(t.Context())
	if s := e.Snapshot().Models[0]; s.State != engine.StateReady {
		t.Fatalf("the model is %s: %s", s.State, s.Reason)
	}
	return loaded{m, e, p}
}

// bytes runs the verb predict for a caller with bytes.
func (l loaded) bytes(t testing.TB, in engine.Input) (engine.Output, error) {
	t.Helper()
	return l.call(t, "predict", in)
}

// call runs a verb for a caller with bytes: embed and infer by their codecs.
func (l loaded) call(t testing.TB, name string, in engine.Input) (out engine.Output, err error) {
	t.Helper()
	model, err := l.engine.Model(l.model.options.Name)
	if err != nil {
		t.Fatal(err)
	}
	switch name {
	case "embed":
		embed, _ := engine.PredictionOf[*dialect.EmbeddingCall, *dialect.EmbeddingResponse](model, name)
		request, err := dialect.EmbeddingCodec{}.Decode(dialect.Input{Body: in.Body})
		if err != nil {
			return out, err
		}
		response, err := do(t.Context(), embed, request)
		if err != nil {
			return out, err
		}
		out.MediaType = "application/json" // as the route has it
		out.Body, err = dialect.EmbeddingCodec{}.Encode(response)
		return out, err
	case "infer":
		infer, _ := engine.PredictionOf[*openinference.Request, *openinference.Response](model, name)
		request, err := openinference.Codec{}.Decode(in.MediaType, in.Body)
		if err != nil {
			return out, err
		}
		response, err := do(t.Context(), infer, request)
		if err != nil {
			return out, err
		}
		out.MediaType, out.Body, err = openinference.Codec{}.Encode(response)
		return out, err
	}
	verb, ok := model.Verb(name)
	if !ok {
		t.Fatalf("there is no verb %s", name)
	}
	call, err := verb.Admit(engine.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	return call.Predict(t.Context(), in)
}

// do admits a request and runs a verb with its types.
func do[In, Out any](ctx context.Context, p *engine.Prediction[In, Out], in In) (out Out, err error) {
	call, err := p.Admit(engine.Caller{})
	if err != nil {
		return out, err
	}
	defer call.Close()
	return p.Do(ctx, call, in)
}

func photo(t testing.TB, name string) []byte {
	t.Helper()
	return readFile(t, filepath.Join(photoFolder(), name))
}

// photoFolder is testdata/photos, or another folder with more pictures than the repository can
// hold.
func photoFolder() string {
	if dir := os.Getenv("PENSTOCK_TEST_PHOTOS"); dir != "" {
		return dir
	}
	return "testdata/photos"
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readJSON[T any](t testing.TB, path string) (value T) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, path), &value); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return value
}
