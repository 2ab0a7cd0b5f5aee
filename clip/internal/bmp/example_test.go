package bmp_test

import (
	"context"
	"fmt"
	"log"

	"penstock/clip/internal/bmp"
)

// Two pixels, red and blue, in a bitmap of the oldest kind.
func ExampleOpen() {
	file := "BM\x22\x00\x00\x00\x00\x00\x00\x00\x1a\x00\x00\x00" + // its pixels begin at 26
		"\x0c\x00\x00\x00\x02\x00\x01\x00\x01\x00\x18\x00" + // 2 by 1, 24 bits each
		"\x00\x00\xff\xff\x00\x00\x00\x00" // padded to whole words

	p, err := bmp.Open([]byte(file))
	if err != nil {
		log.Fatal(err)
	}
	row, err := p.Decode(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	rgb := make([]byte, 3*p.Width)
	for range p.Height {
		if err := row(rgb); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d\n", rgb)
	}
	// Output: [255 0 0 0 0 255]
}
