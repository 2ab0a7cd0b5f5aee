package tga_test

import (
	"context"
	"fmt"

	"penstock/clip/internal/tga"
)

func Example() {
	// Greys with run lengths, 3 by 2 pixels, the upper row first: three of 200, then 1, 2 and 3.
	file := []byte{0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 2, 0, 8, 0x20, 0x82, 200, 2, 1, 2, 3}
	p, err := tga.Open(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	read, err := p.Decode(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	rgb := make([]byte, 3*p.Width)
	for range p.Height {
		if err := read(rgb); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d\n", rgb)
	}
	// Output:
	// [200 200 200 200 200 200 200 200 200]
	// [1 1 1 2 2 2 3 3 3]
}
