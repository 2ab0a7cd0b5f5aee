package local

import "penstock/onnx"

// buffer holds the elements of a tensor whose shape changes from run to run.
type buffer interface {
	// tensor returns a tensor of a shape over the first elements.
	tensor(shape []int64) (*onnx.Tensor, error)
	// capacity returns the number of elements.
	capacity() int64
	// spread copies the first used elements of each block of from, of which there are count, to the
	// beginnings of longer blocks.
	spread(from buffer, count, block, used, longer int64)
	// tail copies the last len(out) elements, as float32.
	tail(out []float32)
}

// newBuffer returns a buffer of float16 or float32, the only types that newGraph accepts.
func newBuffer(kind onnx.ElementType, count int64) buffer {
	if kind == onnx.TypeFloat16 {
		return make(elements[onnx.Float16], count)
	}
	return make(elements[float32], count)
}

type elements[T onnx.Element] []T

func (e elements[T]) tensor(shape []int64) (*onnx.Tensor, error) {
	count := int64(1)
	for _, n := range shape {
		count *= n
	}
	return onnx.NewTensor(shape, e[:count])
}

func (e elements[T]) capacity() int64 { return int64(len(e)) }

func (e elements[T]) spread(from buffer, count, block, used, longer int64) {
	old := from.(elements[T])
	for i := range count {
		copy(e[i*longer:], old[i*block:i*block+used])
	}
}

func (e elements[T]) tail(out []float32) {
	switch row := any(e[len(e)-len(out):]).(type) {
	case elements[float32]:
		copy(out, row)
	case elements[onnx.Float16]:
		for i, h := range row {
			out[i] = h.Float32()
		}
	}
}
