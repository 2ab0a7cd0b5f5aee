package tokenizer_test

import (
	"fmt"
	"log"

	"penstock/tokenizer"
)

func Example() {
	t, err := tokenizer.Load("../models/clip-tiny/tokenizer.json")
	if err != nil {
		log.Fatal(err)
	}
	ids := t.Encode("a photo of a cat", tokenizer.EncodeOptions{WithSpecial: true})
	fmt.Println(ids)
	fmt.Println(t.Decode(ids, true))
	// Output:
	// [49406 320 1125 539 320 2368 49407]
	// a photo of a cat
}

// A generator's tokens are decoded as they arrive.
func ExampleStreamDecoder() {
	t, err := tokenizer.Load("../models/clip-tiny/tokenizer.json")
	if err != nil {
		log.Fatal(err)
	}
	d := t.NewDecoder()
	for _, id := range []int64{320, 1125, 539, 320, 2368} {
		fmt.Print(d.Push(id))
	}
	fmt.Println(d.Flush())
	// Output: a photo of a cat
}
