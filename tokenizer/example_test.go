package tokenizer_test

import (
	"fmt"
	"log"
	"os"

	"penstock/tokenizer"
)

func Example() {
	data, err := os.ReadFile("../models/clip-tiny/tokenizer.json")
	if err != nil {
		log.Fatal(err)
	}
	t, err := tokenizer.Parse(data)
	if err != nil {
		log.Fatal(err)
	}
	ids, err := t.Encode("a photo of a cat", tokenizer.EncodeOptions{WithSpecial: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ids)

	// A generator's tokens are decoded as they arrive.
	d := t.NewDecoder()
	for _, id := range ids {
		fmt.Print(d.Push(id))
	}
	fmt.Println(d.Flush())
	// Output:
	// [49406 320 1125 539 320 2368 49407]
	// a photo of a cat
}
