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
)

// Import writes the model in the GGUF file as a model folder dir, which must not
// exist or be empty. The folder appears when it is complete: until then it grows
// beside dir under a name that starts with a dot, which a failure or the end of ctx
// removes (a killed process leaves it there). What the file holds and Import does
// not support is an error that names it, before anything is written.
func Import(ctx context.Context, file, dir string) error {
	if err := importFile(ctx, file, dir); err != nil {
		return fmt.Errorf("importing %s: %w", file, err)
	}
	return nil
}

func importFile(ctx context.Context, path, dir string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	m, err := plan(in, info.Size())
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
	growing, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".*")
	if err != nil {
		return err
	}
	if err := m.write(ctx, growing); err != nil {
		return errors.Join(err, os.RemoveAll(growing))
	}
	if err := settle(growing, dir); err != nil {
		return errors.Join(err, os.RemoveAll(growing))
	}
	return nil
}

// settle gives the finished folder its name.
func settle(growing, dir string) error {
	if err := os.Chmod(growing, 0o755); err != nil { // MkdirTemp's are private
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // no longer empty
	}
	return os.Rename(growing, dir)
}

// vacant makes sure that nothing is lost when a folder is put at dir.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is there already and not empty: remove it, or choose another folder", dir)
	}
	return nil
}

// A model is what will be written: everything is settled but the weights' bytes.
type model struct {
	graph      *graph
	tokenizer  tokenizerFile
	config     modelSettings
	tokens     tokenizerSettings
	generation generationSettings
}

// plan understands the size bytes of a GGUF file, or says what it does not.
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

// write writes the folder's files into dir.
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

// writeFile makes a file that is on the disk when writeFile returns, so that a
// folder that has got its name is whole even after a power failure.
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
