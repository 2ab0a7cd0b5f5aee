package onnx_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"penstock/onnx"
	"penstock/onnx/onnxtest"
)

// load opens testdata/NAME.onnx; make.py there describes its graph.
func load(t testing.TB, name string) *onnx.Session {
	t.Helper()
	s, err := onnxtest.Open(t).LoadFile(filepath.Join("testdata", name+".onnx"), onnx.SessionOptions{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// tensor returns a new tensor, which is closed when the test ends.
func tensor[T onnx.Element](t testing.TB, shape []int64, data ...T) *onnx.Tensor {
	t.Helper()
	tensor, err := onnx.NewTensor(shape, data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tensor.Close() })
	return tensor
}

func data[T onnx.Element](t testing.TB, tensor *onnx.Tensor) []T {
	t.Helper()
	data, err := onnx.Data[T](tensor)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOpen(t *testing.T) {
	for range 2 { // the second shares the library
		onnxtest.Open(t)
	}
	want := filepath.Base(onnxtest.Library(t)) + " is open already, and a second library, another.so, cannot be opened beside it"
	if _, err := onnx.Open(onnx.Options{Library: "another.so"}); err == nil || err.Error() != "onnxruntime: "+want {
		t.Errorf("a second library: %v", err)
	}
	if _, err := onnx.Open(onnx.Options{Library: "another.so", Threads: -1}); err == nil || !strings.Contains(err.Error(), "-1 threads") {
		t.Errorf("-1 threads: %v", err)
	}
}

// The error for a library that cannot be opened names it without its folder.
func TestOpenShowsNoPath(t *testing.T) {
	const fresh = "TEST_NOTHING_IS_OPEN" // a process opens one library, so this test needs a process of its own
	if os.Getenv(fresh) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		again := exec.CommandContext(t.Context(), self, "-test.run=^TestOpenShowsNoPath$")
		again.Env = append(os.Environ(), fresh+"=1")
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("%s", out)
		}
		return
	}
	folder := filepath.Join(t.TempDir(), "a lib")
	write(t, filepath.Join(folder, "short.so"))
	for _, name := range []string{"none.so", "short.so"} {
		_, err := onnx.Open(onnx.Options{Library: filepath.Join(folder, name)})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "run `make setup`, or set runtime.onnxruntime.library") || strings.Contains(err.Error(), "/") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDefaultLibrary(t *testing.T) {
	name := filepath.Base(onnxtest.Library(t))
	t.Setenv("LD_LIBRARY_PATH", "")
	t.Chdir(t.TempDir())
	if path, err := onnx.DefaultLibrary(); err == nil {
		t.Logf("this system has ONNX Runtime: %s", path) // DefaultLibrary found it
	} else if !errors.Is(err, onnx.ErrNoLibrary) || !strings.Contains(err.Error(), "run `make setup`, or set runtime.onnxruntime.library") {
		t.Errorf("nothing to be found: %v", err)
	}

	systems := t.TempDir()
	write(t, filepath.Join(systems, name))
	t.Setenv("LD_LIBRARY_PATH", systems)
	if path, err := onnx.DefaultLibrary(); err != nil || path != filepath.Join(systems, name) {
		t.Errorf("the system's: %q, %v", path, err)
	}
	placed := filepath.Join(".penstock", "onnxruntime", name)
	write(t, placed)
	if path, err := onnx.DefaultLibrary(); err != nil || path != placed {
		t.Errorf("make setup's: %q, %v", path, err)
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("a library"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSessionDescribesInputsAndOutputs(t *testing.T) {
	s := load(t, "append")
	wantIn := []onnx.Info{
		{Name: "past", Type: onnx.TypeFloat32, Shape: []int64{1, 2, -1, 3}},
		{Name: "next", Type: onnx.TypeFloat32, Shape: []int64{1, 2, -1, 3}},
	}
	wantOut := []onnx.Info{{Name: "present", Type: onnx.TypeFloat32, Shape: []int64{1, 2, -1, 3}}}
	if !reflect.DeepEqual(s.Inputs(), wantIn) || !reflect.DeepEqual(s.Outputs(), wantOut) {
		t.Errorf("got %v -> %v, want %v -> %v", s.Inputs(), s.Outputs(), wantIn, wantOut)
	}
}

func TestLoadErrors(t *testing.T) {
	rt := onnxtest.Open(t)
	if _, err := rt.LoadFile("testdata/none.onnx", onnx.SessionOptions{Name: "gone"}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `model "gone"`) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := rt.LoadFile("testdata/make.py", onnx.SessionOptions{Name: "script"}); err == nil || !strings.Contains(err.Error(), `model "script": loading`) {
		t.Errorf("not a model: %v", err)
	}
	want := `model "text": input words holds string, which is not supported`
	if _, err := rt.LoadFile("testdata/text.onnx", onnx.SessionOptions{Name: "text"}); err == nil || err.Error() != want {
		t.Errorf("strings: got %v, want %s", err, want)
	}
}

// The error for a model that cannot be loaded names it without its folder.
func TestLoadShowsNoPath(t *testing.T) {
	rt := onnxtest.Open(t)
	folder := filepath.Join(t.TempDir(), "a model") // paths may have spaces
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ data, want string }{
		"none.onnx":   {"", `model "m": none.onnx: no such file or directory`},
		"broken.onnx": {"broken", "Load model from broken.onnx failed:Protobuf parsing failed."},
		"newer.onnx":  {"\x08\x63\x3a\x00", "Load model from newer.onnx failed:model.cc:"}, // version 99, and an empty graph
	} {
		path := filepath.Join(folder, name)
		if c.data != "" {
			if err := os.WriteFile(path, []byte(c.data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := rt.LoadFile(path, onnx.SessionOptions{Name: "m"}); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "/") {
			t.Errorf("got %v, want %s and no path", err, c.want)
		}
	}
}

func TestClose(t *testing.T) {
	s := load(t, "count")
	thousand := []*onnx.Tensor{tensor[int64](t, []int64{1}, 1000)}
	var runs sync.WaitGroup
	for range 4 {
		runs.Go(func() {
			err := s.Run(t.Context(), thousand, make([]*onnx.Tensor, 1))
			if err != nil && !errors.Is(err, onnx.ErrClosed) {
				t.Error(err)
			}
		})
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	runs.Wait()
	if err := s.Run(t.Context(), nil, nil); !errors.Is(err, onnx.ErrClosed) {
		t.Errorf("a run on a closed session: %v", err)
	}
}

// A session returns the requested outputs, in the model's order.
func TestChosenOutputs(t *testing.T) {
	rt := onnxtest.Open(t)
	chosen := func(names ...string) (*onnx.Session, error) {
		return rt.LoadFile("testdata/types.onnx", onnx.SessionOptions{Name: "types", Outputs: func([]string) []string { return names }})
	}
	s, err := chosen("fixed_out", "none", "int64_out")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if out := s.Outputs(); len(out) != 2 || out[0].Name != "int64_out" || out[1].Name != "fixed_out" {
		t.Fatalf("outputs %v", out)
	}
	one := []int64{1}
	outputs := make([]*onnx.Tensor, 2)
	err = s.Run(t.Context(), []*onnx.Tensor{
		tensor[float32](t, one, 1), tensor[onnx.Float16](t, one, 1), tensor[int64](t, one, 7), tensor[int32](t, one, 1),
		tensor[int8](t, one, 1), tensor[uint8](t, one, 1), tensor(t, one, true), tensor[float32](t, []int64{2}, 4, 5),
	}, outputs)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range outputs {
		defer out.Close()
	}
	if got := data[int64](t, outputs[0]); got[0] != 7 {
		t.Errorf("got %v", got)
	}
	if got := data[float32](t, outputs[1]); !reflect.DeepEqual(got, []float32{4, 5}) {
		t.Errorf("got %v", got)
	}
	if _, err := chosen("none"); err == nil || !strings.Contains(err.Error(), "it gives no output that is used here; it gives float_out, ") {
		t.Errorf("none of them: %v", err)
	}
}
