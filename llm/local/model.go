package local

import (
	"context"
	"errors"
	"fmt"

	"penstock/engine"
	"penstock/onnx"
)

// Kind is the model's kind in configuration files and lists.
const Kind = "onnx-llm"

// Options say which model to run, and how.
type Options struct {
	Name string // what requests call it
	Path string // the model folder
	// MaxTokens is how long an answer may get when the request does not say; 0: as long as the context.
	MaxTokens int
	ONNX      onnx.Options
}

// Model is a language model. Its verbs work once Load has succeeded, which the engine sees to.
type Model struct {
	options Options
	*folder // nil until loaded
	graph   *graph
}

// New names a model. It does no I/O.
func New(o Options) *Model { return &Model{options: o} }

// Register adds the model to an engine, to be loaded by it, with its verbs.
func (m *Model) Register(e *engine.Engine) *engine.Model {
	em := e.Add(m.options.Name, engine.Lifecycle{Kind: Kind, Load: m.load, Close: m.close})
	engine.Generates(em, "stream", engine.Generator[request, job, nativeChunk]{
		Decode: ofText(m.decodeNative), Preprocess: m.preprocess, Generate: m.generateNative,
	})
	engine.Generates(em, "chat", engine.Generator[request, job, chatChunk]{
		Decode: ofText(m.decodeChat), Preprocess: m.preprocess, Generate: m.generateChat,
	})
	engine.Generates(em, "complete", engine.Generator[request, job, completionChunk]{
		Decode: ofText(m.decodeCompletion), Preprocess: m.preprocess, Generate: m.generateCompletion,
	})
	engine.Generates(em, "responses", engine.Generator[request, job, engine.Encoded]{
		Decode: ofText(m.decodeResponse), Preprocess: m.preprocess, Generate: m.generateResponse,
	})
	return em
}

// load reads the folder and opens the graph.
func (m *Model) load(ctx context.Context) (err error) {
	f, err := readFolder(m.options.Path)
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
