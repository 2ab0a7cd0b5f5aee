package netpbm

import (
	"errors"
	"fmt"
	"io"
)

// longestToken is the longest number that is read.
const longestToken = 10

// A scanner reads what is text in a file.
type scanner struct {
	rest []byte
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// next returns the next byte that is not of a comment. A comment does not end a number.
func (s *scanner) next() (byte, error) {
	for comment := false; len(s.rest) > 0; {
		c := s.rest[0]
		s.rest = s.rest[1:]
		switch {
		case comment:
			comment = c != '\n' && c != '\r'
		case c == '#':
			comment = true
		default:
			return c, nil
		}
	}
	return 0, io.ErrUnexpectedEOF
}

// token returns the next token, and consumes the white space that ends it.
func (s *scanner) token() (string, error) {
	var token []byte
	for {
		c, err := s.next()
		switch {
		case err != nil && len(token) == 0:
			return "", err
		case err != nil, isSpace(c) && len(token) > 0:
			return string(token), nil //nolint:nilerr // the end of the file ends a token
		case isSpace(c):
		case len(token) == longestToken:
			return "", fmt.Errorf("%q is too long", token)
		default:
			token = append(token, c)
		}
	}
}

// number returns the next token, which is a decimal number. It is token without its allocation.
func (s *scanner) number() (int, error) {
	number, digits := 0, 0
	for {
		c, err := s.next()
		switch {
		case err != nil && digits == 0:
			return 0, err
		case err != nil, isSpace(c) && digits > 0:
			return number, nil //nolint:nilerr // the end of the file ends a token
		case isSpace(c):
		case !isDigit(c), digits == longestToken:
			return 0, errors.New("it is no number")
		default:
			number, digits = 10*number+int(c-'0'), digits+1
		}
	}
}

// bit returns the next bit of a plain picture. White space between bits is not needed.
func (s *scanner) bit() (byte, error) {
	for {
		c, err := s.next()
		switch {
		case err != nil:
			return 0, err
		case c == '0' || c == '1':
			return c - '0', nil
		case !isSpace(c):
			return 0, errors.New("it is no bit")
		}
	}
}
