package modeldir

import (
	"path"
	"slices"
	"strings"
)

// A DType is the form of a graph's weights, under the name that it has in transformers.js. The zero
// DType is any.
type DType string

// The DTypes, and how the names of their graphs end.
const (
	FP32  DType = "fp32"  // model.onnx
	FP16  DType = "fp16"  // model_fp16.onnx
	Q8    DType = "q8"    // model_quantized.onnx: int8 or uint8, as its exporter chose
	Int8  DType = "int8"  // model_int8.onnx
	UInt8 DType = "uint8" // model_uint8.onnx
	Q4    DType = "q4"    // model_q4.onnx
	Q4F16 DType = "q4f16" // model_q4f16.onnx
	BNB4  DType = "bnb4"  // model_bnb4.onnx
)

// DTypes returns all DTypes, the most precise first.
func DTypes() []DType { return []DType{FP32, FP16, Q8, Int8, UInt8, Q4, Q4F16, BNB4} }

// suffix is how the names of its graphs end.
func (d DType) suffix() string {
	switch d {
	case "", FP32:
		return ""
	case Q8:
		return "_quantized"
	default:
		return "_" + string(d)
	}
}

// DTypeOf returns the DType of a graph by its name: FP32 unless its end is that of another.
func DTypeOf(graph string) DType {
	stem := strings.TrimSuffix(path.Base(graph), ".onnx")
	for _, d := range DTypes() {
		if suffix := d.suffix(); suffix != "" && strings.HasSuffix(stem, suffix) {
			return d
		}
	}
	return FP32
}

// Only returns a Has of the same folder without the graphs of other DTypes.
func (d DType) Only(has Has) Has {
	if d == "" {
		return has
	}
	return func(name string) bool { return (!IsGraph(name) || DTypeOf(name) == d) && has(name) }
}

// DTypes returns the DTypes of which a folder has complete graphs, the most precise first.
func (k Kind) DTypes(has Has) []DType {
	return slices.DeleteFunc(DTypes(), func(d DType) bool { return k.Graphs(d.Only(has)) == nil })
}

// JoinDTypes joins the names of DTypes for a message.
func JoinDTypes(all []DType) string {
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = string(d)
	}
	return strings.Join(names, ", ")
}
