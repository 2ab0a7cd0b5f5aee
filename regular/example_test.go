package regular_test

import (
	"errors"
	"fmt"

	"penstock/regular"
)

func ExampleReadFile() {
	_, err := regular.ReadFile("/dev/null")
	fmt.Println(err, errors.Is(err, regular.ErrDevice))
	// Output: open /dev/null: is a device, not a regular file true
}
