package onnx_test

import (
	"context"
	"fmt"
	"log"

	"penstock/onnx"
)

// Example computes the embedding of an image that is black.
func Example() {
	runtime, err := onnx.Open(onnx.Options{})
	if err != nil {
		log.Fatal(err)
	}
	session, err := runtime.LoadFile("models/clip-tiny/onnx/vision_model.onnx", onnx.SessionOptions{Name: "clip"})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	pixels, err := onnx.NewTensor([]int64{1, 3, 32, 32}, make([]float32, 3*32*32))
	if err != nil {
		log.Fatal(err)
	}
	defer pixels.Close()
	outputs := make([]*onnx.Tensor, len(session.Outputs())) // nil: the run makes the tensors
	if err := session.Run(context.Background(), []*onnx.Tensor{pixels}, outputs); err != nil {
		log.Fatal(err)
	}
	defer outputs[0].Close()
	embedding, err := onnx.Data[float32](outputs[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(embedding))
}
