package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"penstock/regular"

	ort "github.com/yalue/onnxruntime_go"
)

// Options configure Open.
type Options struct {
	// Library is the path of ONNX Runtime's shared library; "": DefaultLibrary's.
	Library string
	// Threads is how many threads one run may use, unless its session overrides it. 0: one for each
	// core that this process may use.
	Threads int
}

// A Runtime loads models. It holds nothing that must be closed, and is safe for concurrent use.
type Runtime struct {
	threads int
}

// environment is ONNX Runtime's own global state: the library can be loaded and initialised once in
// a process, and cannot be unloaded while any of its objects exists. So the first Open initialises
// it for the life of the process; only the tensors and sessions made in it are closed.
var environment struct {
	sync.Mutex
	library string
}

// Open loads ONNX Runtime, or shares the library if this process has loaded it already. A different
// library in the same process is an error.
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
		// ONNX Runtime's own default counts the machine's cores and binds a thread to each, even if
		// a container may use only some of them.
		o.Threads = runtime.GOMAXPROCS(0)
	}

	environment.Lock()
	defer environment.Unlock()
	switch environment.library {
	case library:
	case "":
		if info, err := os.Stat(library); err == nil {
			if err := regular.Check(info); err != nil { // the dynamic loader would wait for a pipe
				return nil, fmt.Errorf("onnxruntime: the library %s %w: run `make setup`, or set runtime.onnxruntime.library", filepath.Base(library), err)
			}
		}
		ort.SetSharedLibraryPath(library)
		// Everything that is logged as an error is also returned as one.
		if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
			return nil, fmt.Errorf("onnxruntime: the library cannot be opened: run `make setup`, or set runtime.onnxruntime.library: %w", withoutFolders(err, library))
		}
		environment.library = library
	default:
		return nil, fmt.Errorf("onnxruntime: %s is open already, and a second library, %s, cannot be opened beside it", filepath.Base(environment.library), filepath.Base(library))
	}
	return &Runtime{threads: o.Threads}, nil
}
