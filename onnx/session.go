package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"penstock/regular"

	ort "github.com/yalue/onnxruntime_go"
)

// ErrClosed is returned by a run on a closed session.
var ErrClosed = errors.New("session is closed")

// SessionOptions configure how a model is loaded.
type SessionOptions struct {
	// Name identifies the model in errors.
	Name string
	// Threads is how many threads one run may use; 0: the Runtime's setting.
	Threads int
	// Yield makes a thread sleep, instead of spin, while its part of a run waits for another
	// thread's. That suits a model whose runs share the cores with other work, and is slow for one
	// whose steps are shorter than falling asleep takes.
	Yield bool
	// Outputs selects, of the names of the model's outputs, those that a run returns; without any
	// the model is refused. nil: all. Outputs that are left out cost no copy, and may be of any type.
	Outputs func(names []string) []string
}

// Info describes an input or output of a model.
type Info struct {
	Name string
	Type ElementType
	// Shape has -1 for dimensions of any size. It is empty for a scalar, and also if the model
	// declares no shape.
	Shape []int64
}

// A Session is a loaded model. Runs may overlap; Close waits for them.
type Session struct {
	name            string
	inputs, outputs []Info

	closing sync.RWMutex // held for reading by runs
	session *ort.DynamicAdvancedSession
}

// LoadFile loads the model in the file at path, with the weights in files beside it if it has any
// there. The caller closes the session.
func (r *Runtime) LoadFile(path string, o SessionOptions) (*Session, error) {
	if err := checkFiles(path); err != nil {
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			path, err = failed.Path, failed.Err
		}
		return nil, fmt.Errorf("model %q: %s: %w", o.Name, filepath.Base(path), err)
	}
	return r.load(path, o)
}

// checkFiles returns an error unless the graph and the files with its weights are regular files:
// ONNX Runtime would wait for what a pipe never brings.
func checkFiles(path string) error {
	files := []string{path}
	for _, ending := range []string{"_data*", ".data*"} { // as exporters name them
		beside, err := filepath.Glob(quoteGlob(path) + ending)
		if err != nil {
			return err
		}
		files = append(files, beside...)
	}
	for _, file := range files {
		opened, err := regular.Open(file)
		if err != nil {
			return err
		}
		opened.Close()
	}
	return nil
}

// quoteGlob returns a pattern that matches the path only.
func quoteGlob(path string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(path)
}

func (r *Runtime) load(path string, o SessionOptions) (s *Session, err error) {
	options, err := r.options(o)
	if err != nil {
		return nil, fmt.Errorf("model %q: session options: %w", o.Name, err)
	}
	defer release(options, &err)
	inputs, outputs, err := describeFile(path)
	if err != nil {
		return nil, fmt.Errorf("model %q: loading: %w", o.Name, withoutFolders(err, path))
	}
	if o.Outputs != nil {
		all := make([]string, len(outputs))
		for i, info := range outputs {
			all[i] = info.Name
		}
		selected := o.Outputs(all)
		wanted := slices.DeleteFunc(slices.Clone(outputs), func(info ort.InputOutputInfo) bool { return !slices.Contains(selected, info.Name) })
		if len(wanted) == 0 {
			return nil, fmt.Errorf("model %q: it gives no output that is used here; it gives %s", o.Name, joinNames(outputs))
		}
		outputs = wanted
	}
	s = &Session{name: o.Name}
	if s.inputs, err = describe("input", inputs); err != nil {
		return nil, fmt.Errorf("model %q: %w", o.Name, err)
	}
	if s.outputs, err = describe("output", outputs); err != nil {
		return nil, fmt.Errorf("model %q: %w", o.Name, err)
	}
	if s.session, err = ort.NewDynamicAdvancedSession(path, names(s.inputs), names(s.outputs), options); err != nil {
		return nil, fmt.Errorf("model %q: loading: %w", o.Name, withoutFolders(err, path))
	}
	return s, nil
}

func (r *Runtime) options(o SessionOptions) (*ort.SessionOptions, error) {
	threads := o.Threads
	if threads == 0 {
		threads = r.threads
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	spinning := "1"
	if o.Yield {
		spinning = "0"
	}
	err = errors.Join(
		options.SetIntraOpNumThreads(threads),
		options.SetInterOpNumThreads(1),
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		// Threads spin while a run has work for them, and sleep between runs: by default they go on
		// spinning for a while after each.
		options.AddSessionConfigEntry("session.force_spinning_stop", "1"),
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", spinning),
	)
	if err != nil {
		return nil, errors.Join(err, options.Destroy())
	}
	return options, nil
}

// describeFile opens the model once more only for its inputs and outputs, which the library does
// not report for a session that it runs. Nothing is rewritten or repacked for that, so weights in a
// file of their own are not even read.
func describeFile(path string) (inputs, outputs []ort.InputOutputInfo, err error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, nil, err
	}
	defer release(options, &err)
	err = errors.Join(
		options.SetIntraOpNumThreads(1),
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll),
		options.AddSessionConfigEntry("session.disable_prepacking", "1"),
	)
	if err != nil {
		return nil, nil, err
	}
	return ort.GetInputOutputInfoWithOptions(path, options)
}

// describe converts infos. Values other than tensors, and element types that Element lacks, are
// errors, because Run could not pass them.
func describe(what string, infos []ort.InputOutputInfo) ([]Info, error) {
	described := make([]Info, len(infos))
	for i, info := range infos {
		kind := ElementType(info.DataType)
		if info.OrtValueType != ort.ONNXTypeTensor {
			return nil, fmt.Errorf("%s %s is not a tensor", what, info.Name)
		}
		if !kind.supported() {
			return nil, fmt.Errorf("%s %s holds %s, which is not supported", what, info.Name,
				strings.ToLower(strings.TrimPrefix(info.DataType.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_")))
		}
		described[i] = Info{Name: info.Name, Type: kind, Shape: info.Dimensions}
	}
	return described, nil
}

func joinNames(infos []ort.InputOutputInfo) string {
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	return strings.Join(names, ", ")
}

func names(infos []Info) []string {
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	return names
}

// Inputs describes the inputs of Run, in order. The caller must not change it.
func (s *Session) Inputs() []Info { return s.inputs }

// Outputs describes the outputs of Run, in order. The caller must not change it.
func (s *Session) Outputs() []Info { return s.outputs }

// Close waits for running runs to end and frees the model's memory. Calls after the first do
// nothing.
func (s *Session) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.session == nil {
		return nil
	}
	session := s.session
	s.session = nil
	return session.Destroy()
}

// release is deferred to free what the library holds for value.
func release(value interface{ Destroy() error }, err *error) {
	if failed := value.Destroy(); failed != nil && *err == nil {
		*err = failed
	}
}
