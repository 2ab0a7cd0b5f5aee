package configs

import (
	"errors"
	"regexp"
	"strconv"
)

// Number is a decimal number, such as 117.3 or -12, where the file has one.
type Number struct {
	Float float64
	Set   bool
}

var decimalNumber = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,30})?$`)

// Pointer returns the number, or nil if the file has none.
func (n Number) Pointer() *float64 {
	if !n.Set {
		return nil
	}
	return &n.Float
}

// UnmarshalText parses a number.
func (n *Number) UnmarshalText(text []byte) error {
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !decimalNumber.Match(text) {
		return errors.New("must be a number such as 117.3 or -12")
	}
	*n = Number{value, true}
	return nil
}
