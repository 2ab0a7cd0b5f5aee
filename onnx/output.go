package onnx

import (
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"
)

// newOutput returns a tensor for an output whose shape is fixed by the model, which saves the
// library's copy. It returns nil if the shape is known only after the run.
func newOutput(info *Info) (*Tensor, error) {
	if len(info.Shape) == 0 || slices.ContainsFunc(info.Shape, func(n int64) bool { return n < 0 }) {
		if info.Type == TypeFloat16 { // the library would copy only half of it
			return nil, fmt.Errorf("float16 of shape %s needs a tensor from the caller", shapeString(info.Shape))
		}
		return nil, nil
	}
	switch info.Type {
	case TypeFloat32:
		return zeros[float32](info.Shape)
	case TypeFloat16:
		return zeros[Float16](info.Shape)
	case TypeInt64:
		return zeros[int64](info.Shape)
	case TypeInt32:
		return zeros[int32](info.Shape)
	case TypeInt8:
		return zeros[int8](info.Shape)
	case TypeUint8:
		return zeros[uint8](info.Shape)
	case TypeBool:
		return zeros[bool](info.Shape)
	}
	return nil, fmt.Errorf("cannot hold %s", info.Type)
}

func zeros[T Element](shape []int64) (*Tensor, error) {
	count, err := elements(shape)
	if err != nil {
		return nil, err
	}
	return NewTensor(shape, make([]T, count))
}

// adopt wraps a value that the library made. Loading has checked its type.
func adopt(value ort.Value) (*Tensor, error) {
	t := &Tensor{value: value, shape: value.GetShape()}
	switch v := value.(type) {
	case *ort.Tensor[float32]:
		t.kind, t.data = TypeFloat32, v.GetData()
	case *ort.Tensor[int64]:
		t.kind, t.data = TypeInt64, v.GetData()
	case *ort.Tensor[int32]:
		t.kind, t.data = TypeInt32, v.GetData()
	case *ort.Tensor[int8]:
		t.kind, t.data = TypeInt8, v.GetData()
	case *ort.Tensor[uint8]:
		t.kind, t.data = TypeUint8, v.GetData()
	case *ort.Tensor[bool]:
		t.kind, t.data = TypeBool, v.GetData()
	default:
		return nil, errors.Join(fmt.Errorf("the run returned a %T", value), value.Destroy())
	}
	return t, nil
}
