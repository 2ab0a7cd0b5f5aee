package gguf

import (
	"context"
	"fmt"
	"io"
	"math"
)

// Weights are in a file beside the model, because ONNX Runtime maps such a file into memory instead
// of copying it.
const (
	weightsFile = "model.onnx_data"
	// weightsAlignment suits vector instructions. It need not be the page size, because ONNX
	// Runtime can map data at any offset.
	weightsAlignment = 64
)

// A blob is the bytes of one constant in the weights file.
type blob struct {
	offset, size int64
	write        func(ctx context.Context, to io.Writer) error
}

// blob adds a constant of the given shape. write writes its bytes.
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

// A component is a method of tensorType that extracts one component of blocks.
type component func(kind tensorType, dst, src []byte) []byte

// weights adds a constant of one component of the tensors' blocks.
func (g *graph) weights(name string, kind dataType, shape []int64, extract component, tensors []tensor) string {
	return g.blob(name, kind, shape, func(ctx context.Context, to io.Writer) error {
		for _, t := range tensors {
			if err := g.file.copyComponent(ctx, to, t, extract); err != nil {
				return fmt.Errorf("tensor %s: %w", t.name, err)
			}
		}
		return nil
	})
}

// copyComponent writes one component of a tensor's blocks, with little of it in memory at a time.
func (f *file) copyComponent(ctx context.Context, to io.Writer, t tensor, extract component) error {
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
		dst = extract(t.kind, dst[:0], src)
		if _, err := to.Write(dst); err != nil {
			return err
		}
	}
	return nil
}

// writeBlobs writes the weights file.
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

// rotations adds a table of a function (sine or cosine) of the angles by which rotary embedding
// rotates each pair of a head's dimensions at each position: [positions, pairs].
func (g *graph) rotations(name string, of func(float64) float64, positions, pairs int64, base float64) string {
	return g.blob(name, float32s, []int64{positions, pairs}, func(ctx context.Context, to io.Writer) error {
		row := make([]byte, 0, 4*pairs)
		for position := range positions {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			row = row[:0]
			for pair := range pairs {
				frequency := math.Pow(base, -float64(pair)/float64(pairs))
				row = appendFloat(row, float32(of(float64(position)*frequency)))
			}
			if _, err := to.Write(row); err != nil {
				return err
			}
		}
		return nil
	})
}
