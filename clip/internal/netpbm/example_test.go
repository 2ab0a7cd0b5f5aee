package netpbm_test

import (
	"context"
	"fmt"

	"penstock/clip/internal/netpbm"
)

func Example() {
	file := []byte("P2 # greys\n3 2 15\n0 5 10\n15 0 0\n")
	p, err := netpbm.Open(file)
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
	// [0 0 0 85 85 85 170 170 170]
	// [255 255 255 0 0 0 0 0 0]
}
