package openinference_test

import (
	"fmt"

	"penstock/dialect/openinference"
)

func Example() {
	var codec openinference.Codec
	r, err := codec.Decode("application/json", []byte(`{"inputs": [{"name": "ids", "shape": [1, 2], "datatype": "INT64", "data": [3, 4]}]}`))
	if err != nil {
		fmt.Println(codec.Error(err, "").Status)
		return
	}
	in := r.Inputs[0]
	fmt.Println(in.Name, in.Shape, in.Ints)

	mediaType, body, err := codec.Encode(&openinference.Response{
		Model: "m", Outputs: []openinference.Tensor{{Name: "sum", Shape: []int64{1}, Floats: []float32{7}}},
	})
	fmt.Println(mediaType, string(body), err)
	// Output:
	// ids [1 2] [3 4]
	// application/json {"model_name":"m","outputs":[{"name":"sum","datatype":"FP32","shape":[1],"data":[7]}]} <nil>
}
