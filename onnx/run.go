package onnx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// Run computes outputs from inputs, which are in the order of Inputs and Outputs.
// Each output is either a tensor of the caller's, of the very shape that the run
// will produce, which is written in place; or nil, and then the run makes one and
// puts it there, for the caller to close. A tensor that the caller brings costs no
// copy; one that the run makes is copied once, unless the model fixes its shape
// (float16 can only be made then). A tensor may be both input and output where the
// model is made for that.
//
// Once ctx ends, the run ends within one node of the graph and the error wraps the
// context's cause. After an error the contents of outputs mean nothing, and those
// that were nil still are.
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

// run is Run, but what it has made when it fails is in outputs.
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

// call is the library's run, ended early when ctx ends. Where out is nil the
// library fills it in.
func (s *Session) call(ctx context.Context, in, out []ort.Value) (err error) {
	options, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	defer release(options, &err)
	terminated := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(terminated)
		_ = options.Terminate() // fails only on options that were destroyed
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

// check tells a mistake in the model's own terms, before the library meets it.
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

// fits compares a shape with a declared one. An empty declaration may also mean
// that the model doesn't say, so it takes anything.
func fits(shape, declared []int64) bool {
	if len(declared) == 0 {
		return true
	}
	return slices.EqualFunc(shape, declared, func(n, want int64) bool { return want < 0 || n == want })
}

// shapeString prints a declared shape, "any" standing for what is free.
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
