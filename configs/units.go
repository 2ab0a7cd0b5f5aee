package configs

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Bytes is a size in bytes, written 20MiB, 512KiB or as a plain number.
type Bytes int64

type unit struct {
	name string
	size Bytes
}

var units = []unit{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

var (
	sizePattern  = regexp.MustCompile(`^([0-9]+)([KMGT]iB|B)?$`)
	sizeSloppy   = regexp.MustCompile(`^([0-9]+) ?([kKmMgGtT])[iI]?[bB]?$`)
	wholeNumber  = regexp.MustCompile(`^(-?[1-9][0-9]*|0)$`)
	errOverLarge = errors.New("must be a smaller number")
)

// String returns the size in the largest unit that divides it.
func (b Bytes) String() string {
	for _, unit := range units {
		if b != 0 && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// Percent is a share of a whole, written 50%.
type Percent int

// String returns the share as in a file.
func (p Percent) String() string { return strconv.Itoa(int(p)) + "%" }

// UnmarshalText parses a share.
func (p *Percent) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(string(text), "%")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || !wholeNumber.MatchString(number) {
		return errors.New("must be a share such as 50%")
	}
	*p = Percent(n)
	return nil
}

// UnmarshalText parses a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	match := sizePattern.FindStringSubmatch(string(text))
	if match == nil {
		err := errors.New("must be a size such as 20MiB or 512KiB")
		if match := sizeSloppy.FindStringSubmatch(string(text)); match != nil {
			for _, unit := range units {
				if equalFold(unit.name[0], match[2][0]) {
					return hinted{err, match[1] + unit.name}
				}
			}
		}
		return err
	}
	count, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil {
		return errOverLarge
	}
	factor := Bytes(1)
	for _, unit := range units {
		if unit.name == match[2] {
			factor = unit.size
		}
	}
	if Bytes(count) > math.MaxInt64/factor {
		return errOverLarge
	}
	*b = Bytes(count) * factor
	return nil
}

func equalFold(a, b byte) bool { return a|0x20 == b|0x20 }

// parseDuration parses 30s, 2m, 1h30m.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	err = errors.New("must be a duration with its unit, such as 30s or 2m")
	if wholeNumber.MatchString(text) {
		return 0, hinted{err, text + "s"}
	}
	return 0, err
}

// parseInt parses an integer in plain decimal digits.
func parseInt(text string) (int, error) {
	if !wholeNumber.MatchString(text) {
		return 0, errors.New("must be a whole number in decimal digits")
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, errOverLarge
	}
	return n, nil
}

// parseBool parses true and false.
func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, errors.New("must be true or false")
	}
	return text == "true", nil
}
