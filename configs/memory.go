package configs

import (
	"errors"
	"regexp"
	"strconv"
)

// MemoryLimit is a size in bytes or, where it is negative, as many hundredths of the memory there
// is: -60 is 60%.
type MemoryLimit int64

var percentPattern = regexp.MustCompile(`^([1-9][0-9]?)%$`)

// Of returns the limit where there is that much memory.
func (m MemoryLimit) Of(there int64) int64 {
	if m < 0 {
		return there / 100 * int64(-m)
	}
	return int64(m)
}

// String returns the limit as it is written.
func (m MemoryLimit) String() string {
	if m < 0 {
		return strconv.FormatInt(int64(-m), 10) + "%"
	}
	return Bytes(m).String()
}

// UnmarshalText parses a size, or 1% to 99%.
func (m *MemoryLimit) UnmarshalText(text []byte) error {
	if match := percentPattern.FindSubmatch(text); match != nil {
		n, err := strconv.Atoi(string(match[1]))
		*m = MemoryLimit(-n)
		return err
	}
	var size Bytes
	if size.UnmarshalText(text) != nil || size == 0 {
		return errors.New("must be a part of the memory, from 1% to 99%, or a size such as 2GiB")
	}
	*m = MemoryLimit(size)
	return nil
}
