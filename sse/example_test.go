package sse_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"penstock/sse"
)

// An event is written with an id, and read back.
func Example() {
	id, err := sse.ParseID("S")
	if err != nil {
		fmt.Println(err)
		return
	}
	e := sse.Event{Name: sse.MustName("done"), Data: []byte("one\ntwo")}
	wire := string(e.AppendNumbered(nil, id, 7))
	fmt.Print(wire)

	r := sse.NewReader(strings.NewReader(wire), 1<<20)
	raw, err := r.Next()
	fmt.Printf("%s %q %v\n", raw.Name, raw.Data, err)
	_, err = r.Next()
	fmt.Println(errors.Is(err, io.EOF))
	// Output:
	// id: S-7
	// event: done
	// data: one
	// data: two
	//
	// done "one\ntwo" <nil>
	// true
}
