package onnx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// Run computes outputs from inputs, which are in the order of Inputs and Outputs. An output that is
// not nil is written in place; its shape must be exactly the one that the run produces. For an
// output that is nil, Run makes a tensor, which the caller closes. A tensor of the caller's costs
// no copy; one that Run makes is copied once, unless the model fixes its shape (float16 tensors can
// be made only then). A tensor may be both an input and an output if the model is built for that.
//
// When ctx ends, the run ends within one node of the graph and the error wraps the context's cause.
// After an error the contents of outputs are undefined, and outputs that were nil are nil.
func (s *Session) Run(ctx context.Context, inputs, outputs []*Tensor) error {
	made := slices.Clone(outputs)
	if err := s.run(ctx, inputs, made); err != nil {
		for i, t := range made {
			if outputs[i] == nil {
				err = errors.Join(err, t.Close())
			}
		}
		return fmt.Errorf("model %q %w", s.name, err)
	}
	copy(outputs, made)
	return nil
}

// run implements Run, but leaves the tensors it has made in outputs when it fails.
func (s *Session) run(ctx context.Context, inputs, outputs []*Tensor) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("run: %w", context.Cause(ctx))
	case s.session == nil:
		return fmt.Errorf("run: %w", ErrClosed)
	case len(inputs) != len(s.inputs) || len(outputs) != len(s.outputs):
		return fmt.Errorf("run: takes %d inputs and %d outputs, not %d and %d", len(s.inputs), len(s.outputs), len(inputs), len(outputs))
	}
	in := make([]ort.Value, len(inputs))
	for i, t := range inputs {
		if err := check(t, &s.inputs[i]); err != nil {
			return fmt.Errorf("input %s: %w", s.inputs[i].Name, err)
		}
		in[i] = t.value
	}
	out := make([]ort.Value, len(outputs))
	for i := range outputs {
		info := &s.outputs[i]
		if outputs[i] == nil {
			var err error
			if outputs[i], err = newOutput(info); err != nil {
				return fmt.Errorf("output %s: %w", info.Name, err)
			}
		} else if err := check(outputs[i], info); err != nil {
			return fmt.Errorf("output %s: %w", info.Name, err)
		}
		if outputs[i] != nil {
			out[i] = outputs[i].value
		}
	}
	if err := s.call(ctx, in, out); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	for i := range outputs {
		if outputs[i] == nil {
			var err error
			if outputs[i], err = adopt(out[i]); err != nil {
				return fmt.Errorf("output %s: %w", s.outputs[i].Name, err)
			}
		}
	}
	return nil
}

// call runs the graph, and terminates the run when ctx ends. The library makes the values of out
// that are nil.
func (s *Session) call(ctx context.Context, in, out []ort.Value) (err error) {
	options, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	defer release(options, &err)
	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		_ = options.Terminate() // fails only on destroyed options
	})
	err = s.session.RunWithOptions(in, out, options)
	if !stop() {
		<-terminated // options must outlive Terminate
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return withoutFolders(err, "")
}

// check reports a mismatch by the names of the model, before the library does.
func check(t *Tensor, info *Info) error {
	switch {
	case t == nil || t.value == nil:
		return errors.New("the tensor is missing or closed")
	case t.kind != info.Type:
		return fmt.Errorf("%s does not fit %s", t.kind, info.Type)
	case !fits(t.shape, info.Shape):
		return fmt.Errorf("shape %v does not fit %s", t.shape, shapeString(info.Shape))
	}
	return nil
}

// fits reports whether a shape matches the declared one. An empty declaration may mean that the
// model declares no shape, so it matches any.
func fits(shape, declared []int64) bool {
	if len(declared) == 0 {
		return true
	}
	return slices.EqualFunc(shape, declared, func(n, want int64) bool { return want < 0 || n == want })
}

// shapeString formats a declared shape, with "any" for free dimensions.
func shapeString(shape []int64) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = fmt.Sprint(n)
		if n < 0 {
			parts[i] = "any"
		}
	}
	return "[" + strings.Join(parts, " ") + "]"
}
