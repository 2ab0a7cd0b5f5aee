package gguf

import (
	"context"
	"fmt"
	"io"
	"math"
)

// Weights lie in a file beside the model, because ONNX Runtime maps such a file
// into memory instead of copying it.
const (
	weightsFile = "model.onnx_data"
	// weightsAlignment suits vector instructions; it is not the page's size, for
	// ONNX Runtime maps what lies between pages too.
	weightsAlignment = 64
)

// A blob is one constant's bytes in the weights' file.
type blob struct {
	offset, size int64
	write        func(ctx context.Context, to io.Writer) error
}

// blob adds a constant of the given shape, whose bytes write will write.
func (g *graph) blob(name string, kind dataType, shape []int64, write func(context.Context, io.Writer) error) string {
	size := int64(4)
	if kind == uint8s {
		size = 1
	}
	for _, n := range shape {
		size *= n
	}
	offset := (g.end + weightsAlignment - 1) / weightsAlignment * weightsAlignment
	g.end = offset + size
	g.blobs = append(g.blobs, blob{offset, size, write})
	g.constant(externalTensor(name, kind, shape, weightsFile, offset, size))
	return name
}

// A part is a method of tensorType that takes one thing out of blocks.
type part func(kind tensorType, dst, src []byte) []byte

// weights adds a constant made of one part of the tensors' weights.
func (g *graph) weights(name string, kind dataType, shape []int64, take part, tensors []tensor) string {
	return g.blob(name, kind, shape, func(ctx context.Context, to io.Writer) error {
		for _, t := range tensors {
			if err := g.file.pour(ctx, to, t, take); err != nil {
				return fmt.Errorf("tensor %s: %w", t.name, err)
			}
		}
		return nil
	})
}

// pour writes one part of a tensor's weights, holding little of it at a time.
func (f *file) pour(ctx context.Context, to io.Writer, t tensor, take part) error {
	size, _ := t.kind.block()
	src := make([]byte, min(t.size, 1<<14*size.bytes))
	var dst []byte
	for at := int64(0); at < t.size; at += int64(len(src)) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		src = src[:min(int64(len(src)), t.size-at)]
		if _, err := f.data.ReadAt(src, t.offset+at); err != nil {
			return err
		}
		dst = take(t.kind, dst[:0], src)
		if _, err := to.Write(dst); err != nil {
			return err
		}
	}
	return nil
}

// writeBlobs writes the weights' file.
func writeBlobs(ctx context.Context, to io.Writer, blobs []blob) error {
	at := int64(0)
	for _, b := range blobs {
		if _, err := to.Write(make([]byte, b.offset-at)); err != nil {
			return err
		}
		if err := b.write(ctx, to); err != nil {
			return err
		}
		at = b.offset + b.size
	}
	return nil
}

// turns adds the table of one function of the angles by which rotary embedding
// turns each pair of a head's dimensions at each position: [positions, pairs].
func (g *graph) turns(name string, of func(float64) float64, positions, pairs int64, base float64) string {
	return g.blob(name, float32s, []int64{positions, pairs}, func(ctx context.Context, to io.Writer) error {
		row := make([]byte, 0, 4*pairs)
		for position := range positions {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			row = row[:0]
			for pair := range pairs {
				speed := math.Pow(base, -float64(pair)/float64(pairs))
				row = appendFloat(row, float32(of(float64(position)*speed)))
			}
			if _, err := to.Write(row); err != nil {
				return err
			}
		}
		return nil
	})
}
