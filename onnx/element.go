package onnx

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// Element is the type of a tensor's elements.
type Element interface {
	float32 | Float16 | int64 | int32 | int8 | uint8 | bool
}

// An ElementType is an Element type at run time.
type ElementType int

// The element types, in the order of Element.
const (
	TypeFloat32 ElementType = ort.TensorElementDataTypeFloat
	TypeFloat16 ElementType = ort.TensorElementDataTypeFloat16
	TypeInt64   ElementType = ort.TensorElementDataTypeInt64
	TypeInt32   ElementType = ort.TensorElementDataTypeInt32
	TypeInt8    ElementType = ort.TensorElementDataTypeInt8
	TypeUint8   ElementType = ort.TensorElementDataTypeUint8
	TypeBool    ElementType = ort.TensorElementDataTypeBool
)

// String returns the name of the Go type, or float16.
func (t ElementType) String() string {
	switch t {
	case TypeFloat32:
		return "float32"
	case TypeFloat16:
		return "float16"
	case TypeInt64:
		return "int64"
	case TypeInt32:
		return "int32"
	case TypeInt8:
		return "int8"
	case TypeUint8:
		return "uint8"
	case TypeBool:
		return "bool"
	}
	return fmt.Sprintf("ONNX element type %d", int(t))
}

// supported reports whether Element has a type for t.
func (t ElementType) supported() bool {
	switch t {
	case TypeFloat32, TypeFloat16, TypeInt64, TypeInt32, TypeInt8, TypeUint8, TypeBool:
		return true
	}
	return false
}

// typeOf returns T's ElementType.
func typeOf[T Element]() ElementType {
	var zero T
	switch any(zero).(type) {
	case float32:
		return TypeFloat32
	case Float16:
		return TypeFloat16
	case int64:
		return TypeInt64
	case int32:
		return TypeInt32
	case int8:
		return TypeInt8
	case uint8:
		return TypeUint8
	}
	return TypeBool
}
