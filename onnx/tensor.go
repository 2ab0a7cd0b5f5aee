package onnx

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
)

// A Tensor is a shape and the elements that fill it, row by row. Closing it
// gives ONNX Runtime's small handle back; the elements are Go memory and live as
// long as anything refers to them. A Tensor may be read by several runs at once,
// but written by one only, and must not be closed while a run uses it.
type Tensor struct {
	value ort.Value
	kind  ElementType
	shape []int64
	data  any // []T, T being the Element of kind; of a scalar, what it began with
}

// NewTensor makes a tensor over data, which it shares: what is written to data
// before a run is what the run reads, and an output appears in it. data has
// exactly as many elements as shape says; a dimension of 0 makes an empty tensor.
// Only a scalar (an empty shape, one element) is copied, and Data copies it back.
// Open must have succeeded before. The caller closes the tensor.
func NewTensor[T Element](shape []int64, data []T) (*Tensor, error) {
	count, err := elements(shape)
	if err != nil {
		return nil, err
	}
	if count != int64(len(data)) {
		return nil, fmt.Errorf("tensor: shape %v takes %d elements, not %d", shape, count, len(data))
	}
	t := &Tensor{kind: typeOf[T](), shape: slices.Clone(shape), data: data}
	switch {
	case t.kind == TypeFloat16:
		t.value, err = newFloat16(t.shape, any(data).([]Float16))
	case len(shape) == 0:
		t.value, err = ort.NewScalar(data[0])
	default:
		t.value, err = ort.NewTensor(t.shape, data)
	}
	if err != nil {
		return nil, fmt.Errorf("tensor of shape %v: %w", shape, err)
	}
	return t, nil
}

// newFloat16 takes the library's way for element types that Go lacks: bytes.
func newFloat16(shape []int64, data []Float16) (ort.Value, error) {
	raw := []byte{0} // the library wants a byte even for an empty tensor
	if len(data) > 0 {
		raw = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 2*len(data))
	}
	return ort.NewCustomDataTensor(shape, raw, ort.TensorElementDataTypeFloat16)
}

// Data is the tensor's own memory, not a copy; it stays valid after Close. It
// fails when the tensor holds something other than T.
func Data[T Element](t *Tensor) ([]T, error) {
	if scalar, ok := t.value.(*ort.Scalar[T]); ok {
		return []T{scalar.GetData()}, nil
	}
	data, ok := t.data.([]T)
	if !ok {
		return nil, fmt.Errorf("tensor: holds %s, not %s", t.kind, typeOf[T]())
	}
	return data, nil
}

// Shape is the size of each dimension. The caller must not change it.
func (t *Tensor) Shape() []int64 { return t.shape }

// Type is the type of the elements.
func (t *Tensor) Type() ElementType { return t.kind }

// Close gives the handle back. A closed tensor cannot be run any more. Closing
// twice does nothing.
func (t *Tensor) Close() error {
	if t == nil || t.value == nil {
		return nil
	}
	value := t.value
	t.value = nil
	return value.Destroy()
}

// elements is the product of a shape's dimensions.
func elements(shape []int64) (int64, error) {
	count := int64(1)
	for _, n := range shape {
		switch {
		case n < 0:
			return 0, fmt.Errorf("tensor: shape %v has a negative dimension", shape)
		case n > 0 && count > math.MaxInt64/n:
			return 0, fmt.Errorf("tensor: shape %v is too large", shape)
		}
		count *= n
	}
	return count, nil
}
