package gguf_test

import (
	"context"
	"log"

	"penstock/llm/gguf"
)

func Example() {
	err := gguf.Import(context.Background(), "SmolLM2-135M-Instruct.Q4_1.gguf", "models/smollm2")
	if err != nil {
		log.Fatal(err)
	}
}
