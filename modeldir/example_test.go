package modeldir_test

import (
	"fmt"

	"penstock/modeldir"
)

func Example() {
	has := modeldir.In("../models/clip-tiny")
	kind := modeldir.KindOf(has)
	fmt.Println(kind == modeldir.CLIP, kind.Graphs(has))
	fmt.Println(modeldir.GraphOf("onnx/model.onnx_data"))
	// Output:
	// true [onnx/vision_model.onnx onnx/text_model.onnx]
	// onnx/model.onnx
}
