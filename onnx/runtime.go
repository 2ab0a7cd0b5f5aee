package onnx

import (
	"fmt"
	"path/filepath"
	"runtime"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// Options say how ONNX Runtime is opened.
type Options struct {
	// Library is the path of ONNX Runtime's shared library; "" asks
	// DefaultLibrary.
	Library string
	// Threads is how many threads one run may use, unless its session says
	// otherwise. 0: one for each core this process may use.
	Threads int
}

// A Runtime loads models. It holds nothing that has to be closed, and may be
// used by many goroutines at once.
type Runtime struct {
	threads int
}

// environment is ONNX Runtime's own global state, seen from Go: the library can
// be loaded and set up once in a process, and cannot be unloaded while anything
// made by it lives. So the first Open sets it up and it stays until the process
// ends; the tensors and sessions made in it are what has to be closed.
var environment struct {
	sync.Mutex
	library string
}

// Open loads ONNX Runtime, or shares it when this process has loaded it already.
// A second, different library in one process is an error.
func Open(o Options) (*Runtime, error) {
	library := o.Library
	if library == "" {
		found, err := DefaultLibrary()
		if err != nil {
			return nil, err
		}
		library = found
	}
	library, err := filepath.Abs(library)
	if err != nil {
		return nil, fmt.Errorf("onnxruntime: %w", err)
	}
	if o.Threads < 0 {
		return nil, fmt.Errorf("onnxruntime: %d threads", o.Threads)
	}
	if o.Threads == 0 {
		// Not ONNX Runtime's own default: that counts the machine's cores and
		// binds a thread to each, whatever share of them a container has.
		o.Threads = runtime.GOMAXPROCS(0)
	}

	environment.Lock()
	defer environment.Unlock()
	switch environment.library {
	case library:
	case "":
		ort.SetSharedLibraryPath(library)
		// Everything that is logged as an error is returned as one too.
		if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
			return nil, fmt.Errorf("onnxruntime: the library cannot be opened: run `make setup`, or set runtime.onnxruntime.library: %w", withoutFolders(err, library))
		}
		environment.library = library
	default:
		return nil, fmt.Errorf("onnxruntime: %s is open already, and a second library, %s, cannot be opened beside it", filepath.Base(environment.library), filepath.Base(library))
	}
	return &Runtime{threads: o.Threads}, nil
}

// Version is ONNX Runtime's own, for example "1.32.0".
func (r *Runtime) Version() string { return ort.GetVersion() }
