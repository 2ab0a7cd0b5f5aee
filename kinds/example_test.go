package kinds_test

import (
	"fmt"

	"penstock/kinds"
)

func ExampleAll() {
	for _, kind := range kinds.All() {
		fmt.Println(kind.Name())
	}
	// Output:
	// clip
	// onnx-llm
	// openai
	// http
}
