package onnx

import (
	"fmt"
	"math"
	"slices"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
)

// A Tensor is a shape and its elements in row-major order. Close frees ONNX Runtime's small handle;
// the elements are Go memory and are garbage collected. Several runs may read a Tensor at once, but
// only one may write it, and it must not be closed while a run uses it.
type Tensor struct {
	value ort.Value
	kind  ElementType
	shape []int64
	data  any // []T, where T is the Element of kind; for a scalar its initial value
}

// NewTensor returns a tensor that shares data: a run reads what has been written to data, and
// writes its output there. data must have exactly as many elements as the shape; a dimension of 0
// makes an empty tensor. Only a scalar (an empty shape, one element) is copied, and Data copies it
// back. Open must have succeeded before. The caller closes the tensor.
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

// newFloat16 passes bytes, as the library requires for element types that Go lacks.
func newFloat16(shape []int64, data []Float16) (ort.Value, error) {
	raw := []byte{0} // the library requires a byte even for an empty tensor
	if len(data) > 0 {
		raw = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 2*len(data))
	}
	return ort.NewCustomDataTensor(shape, raw, ort.TensorElementDataTypeFloat16)
}

// Data returns the tensor's own memory, not a copy; it stays valid after Close. It is an error if
// the tensor's elements are not of type T.
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

// Shape returns the size of each dimension. The caller must not change it.
func (t *Tensor) Shape() []int64 { return t.shape }

// Type returns the type of the elements.
func (t *Tensor) Type() ElementType { return t.kind }

// Close frees the handle. A closed tensor cannot be used in a run. Calls after the first do
// nothing.
func (t *Tensor) Close() error {
	if t == nil || t.value == nil {
		return nil
	}
	value := t.value
	t.value = nil
	return value.Destroy()
}

// elements returns the product of a shape's dimensions.
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
