package gguf

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"penstock/regular"
)

// Import converts a GGUF file to the model folder dir, which must be empty or not exist. The folder
// is built beside dir, under a temporary name that starts with a dot, and renamed when it is
// complete. A failure or the end of ctx removes it; a killed process leaves it there. Anything in
// the file that is not supported is an error that names it, before anything is written.
func Import(ctx context.Context, file, dir string) error {
	if err := importFile(ctx, file, dir); err != nil {
		return fmt.Errorf("import %s: %w", file, err)
	}
	return nil
}

func importFile(ctx context.Context, path, dir string) error {
	in, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	m, err := plan(until(ctx, in), info.Size())
	if err != nil {
		return err
	}
	dir = filepath.Clean(dir)
	if err := vacant(dir); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".*")
	if err != nil {
		return err
	}
	if err := m.write(ctx, temporary); err != nil {
		return errors.Join(err, os.RemoveAll(temporary))
	}
	if err := rename(temporary, dir); err != nil {
		return errors.Join(err, os.RemoveAll(temporary))
	}
	return nil
}

// readAt implements io.ReaderAt.
type readAt func(p []byte, offset int64) (int, error)

func (r readAt) ReadAt(p []byte, offset int64) (int, error) { return r(p, offset) }

// until returns a file whose reads fail with the cause once ctx has ended.
func until(ctx context.Context, file io.ReaderAt) io.ReaderAt {
	return readAt(func(p []byte, offset int64) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return file.ReadAt(p, offset)
	})
}

// rename replaces dir, which may be an empty folder, by the finished folder.
func rename(temporary, dir string) error {
	if err := os.Chmod(temporary, 0o755); err != nil { // MkdirTemp makes private ones
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // no longer empty
	}
	return os.Rename(temporary, dir)
}

// vacant returns an error if dir is anything but missing or an empty folder.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s exists and is not empty: remove it, or choose another folder", dir)
	}
	return nil
}

// A model is everything that will be written except the bytes of the weights.
type model struct {
	graph      *graph
	tokenizer  tokenizerFile
	config     modelSettings
	tokens     tokenizerSettings
	generation generationSettings
}

// plan reads a GGUF file of size bytes, without its weights, and checks that all of it is
// supported.
func plan(data io.ReaderAt, size int64) (*model, error) {
	f, err := read(data, size)
	if err != nil {
		return nil, err
	}
	l, err := newLlama(f)
	if err != nil {
		return nil, err
	}
	v, err := newVocabulary(f)
	if err != nil {
		return nil, err
	}
	m := &model{graph: f.decoder(l), tokenizer: v.tokenizerJSON()}
	m.config, m.tokens, m.generation, err = f.settings(l, v)
	return m, err
}

// write writes the files of the folder to dir.
func (m *model) write(ctx context.Context, dir string) error {
	if err := os.Mkdir(filepath.Join(dir, "onnx"), 0o755); err != nil {
		return err
	}
	for name, value := range map[string]any{
		"tokenizer.json": m.tokenizer, "tokenizer_config.json": m.tokens,
		"config.json": m.config, "generation_config.json": m.generation,
	} {
		data, err := encode(value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := writeFile(filepath.Join(dir, name), func(to io.Writer) error {
			_, err := to.Write(append(data, '\n'))
			return err
		}); err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(dir, "onnx", weightsFile), func(to io.Writer) error {
		return writeBlobs(ctx, to, m.graph.blobs)
	}); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "onnx", "model.onnx"), func(to io.Writer) error {
		_, err := to.Write(m.graph.model())
		return err
	})
}

// writeFile creates a file and syncs it to disk, so that a folder that has its final name is
// complete even after a power failure.
func writeFile(path string, write func(io.Writer) error) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	buffered := bufio.NewWriterSize(out, 1<<20)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return out.Close()
}
