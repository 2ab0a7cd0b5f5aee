package local

import (
	"context"
	"errors"
	"fmt"

	"penstock/dialect"
	"penstock/engine"
	"penstock/modeldir"
	"penstock/onnx"
)

// Kind is the model's kind in configuration files and lists.
const Kind = "onnx-llm"

// Options configure a model.
type Options struct {
	Name string // the model's name in requests
	Path string // the model folder
	// DType is the form of the graph to run; "": the best for a CPU of those there are.
	DType modeldir.DType
	// MaxTokens is the limit of a completion whose request sets none; 0: the context is the limit.
	MaxTokens int
	ONNX      onnx.Options
}

// Model is a language model. Its verb works once it has been loaded, which the engine does.
type Model struct {
	options Options
	*folder // nil until loaded
	graph   *graph
}

// New returns a model that is not loaded yet. It does no I/O.
func New(o Options) *Model { return &Model{options: o} }

// Register adds the model to an engine, which loads it, with the verb generate.
func (m *Model) Register(e *engine.Engine) *engine.Model {
	em := e.Add(m.options.Name, engine.Lifecycle{Kind: Kind, Load: m.load, Close: m.close})
	engine.Generates(em, "generate", engine.Generator[*dialect.Request, job, dialect.Delta]{
		Check: m.check, Preprocess: m.preprocess, Generate: m.generate,
	})
	return em
}

// load reads the folder and opens the graph.
func (m *Model) load(ctx context.Context) (err error) {
	f, err := readFolder(m.options.Path, m.options.DType)
	if err != nil {
		return err
	}
	rt, err := onnx.Open(m.options.ONNX)
	if err != nil {
		return err
	}
	s, err := rt.LoadFile(f.graph, onnx.SessionOptions{Name: m.options.Name})
	if err != nil {
		return fmt.Errorf("open the graph: %w", err)
	}
	g, err := newGraph(ctx, s, f.config)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	m.folder, m.graph = f, g
	return nil
}

func (m *Model) close() error { return m.graph.session.Close() }
