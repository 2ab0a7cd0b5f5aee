package clip

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"penstock/apierr"
)

// A dataURL is a data URL (RFC 2397) as WHATWG's Fetch standard reads it, its data still encoded.
type dataURL struct {
	mediaType string // without parameters, as it is written
	base64    bool
	data      string // percent-encoded
}

// errNoComma is the error of a data URL that has no data.
var errNoComma = errors.New("a data URL needs a comma before its data")

// parseDataURL parses a data URL. ok is whether text is one, whole or not. As in any URL, white
// space and control characters around it, tabs and line ends in it, and a fragment are no part of
// it.
func parseDataURL(text string) (u dataURL, ok bool, err error) {
	text = strings.TrimFunc(text, func(r rune) bool { return r <= ' ' })
	if text, ok = cutScheme(text); !ok {
		return u, false, nil
	}
	text, _, _ = strings.Cut(text, "#")
	head, data, found := strings.Cut(text, ",")
	if !found {
		return u, true, errNoComma
	}
	u.data = data
	head = strings.TrimRight(strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(head), " ")
	const suffix = "base64"
	if at := len(head) - len(suffix); at > 0 && strings.EqualFold(head[at:], suffix) {
		var before string
		if before, u.base64 = strings.CutSuffix(strings.TrimRight(head[:at], " "), ";"); u.base64 {
			head = before
		}
	}
	u.mediaType, _, _ = strings.Cut(head, ";")
	u.mediaType = strings.Trim(u.mediaType, " ")
	return u, true, nil
}

// cutScheme cuts "data:" from the beginning of a URL, in any case and with tabs and line ends in
// it.
func cutScheme(text string) (rest string, ok bool) {
	const scheme = "data:"
	matched := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\t', c == '\n', c == '\r':
			continue
		case !strings.EqualFold(text[i:i+1], scheme[matched:matched+1]):
			return text, false
		}
		if matched++; matched == len(scheme) {
			return text[i+1:], true
		}
	}
	return text, false
}

// isPictureURL reports whether a text is the data URL of a picture, by its media type.
func isPictureURL(text string) bool {
	u, ok, err := parseDataURL(text)
	if !ok || err != nil || len(u.mediaType) > 100 {
		return false
	}
	kind, subtype, _ := strings.Cut(u.mediaType, "/")
	return strings.EqualFold(kind, "image") && subtype != "" && !strings.ContainsFunc(subtype, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&-^_.+", r)
	})
}

// decode returns the data.
func (u dataURL) decode() ([]byte, error) {
	unescaped := &percentDecoder{u.data}
	if u.base64 {
		return decodeBase64(unescaped, len(u.data))
	}
	data := bytes.NewBuffer(make([]byte, 0, len(u.data)+bytes.MinRead))
	_, err := data.ReadFrom(unescaped)
	return data.Bytes(), err
}

// decodeDataURL decodes the picture of a data URL. ok is whether text is one. Its error is an
// *apierr.Error.
func decodeDataURL(text string) (data []byte, ok bool, err error) {
	u, ok, err := parseDataURL(text)
	if !ok {
		return nil, false, nil
	}
	message := "a data URL needs a comma before its data: data:image/jpeg;base64,…"
	if err == nil {
		message = "the data of the data URL is not base64, as it says it is"
		data, err = u.decode()
	}
	if err != nil {
		return nil, true, &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonNotAnImage, Message: message, Cause: err}
	}
	return data, true, nil
}

// decodeImage decodes the field image: a data URL or base64.
func decodeImage(text string) ([]byte, error) {
	data, ok, err := decodeDataURL(text)
	if e, failed := errors.AsType[*apierr.Error](err); failed {
		e.Param = "image"
		return nil, e
	}
	if ok {
		return data, nil
	}
	bad := &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonNotAnImage, Param: "image"}
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "http://") || strings.HasPrefix(trimmed, "https://") {
		bad.Message = "\"image\" is the picture itself, as a data URL or base64; send an address as \"url\""
		return nil, bad
	}
	data, err = decodeBase64(strings.NewReader(text), len(text))
	if err != nil {
		bad.Message, bad.Cause = "\"image\" is neither a data URL nor base64", err
		return nil, bad
	}
	return data, nil
}

// decodeBase64 decodes base64 of at most size characters, in any of its alphabets, with or without
// padding, and with white space anywhere. A picture is large: its text is not copied.
func decodeBase64(text io.Reader, size int) ([]byte, error) {
	data := bytes.NewBuffer(make([]byte, 0, base64.RawStdEncoding.DecodedLen(size)+bytes.MinRead))
	_, err := data.ReadFrom(base64.NewDecoder(base64.RawStdEncoding, &standardAlphabet{from: text}))
	return data.Bytes(), err
}

// standardAlphabet reads base64 of any alphabet as that of the standard one, without white space
// and padding.
type standardAlphabet struct {
	from   io.Reader
	padded bool // padding has been read: nothing may follow
}

// Read implements io.Reader.
func (s *standardAlphabet) Read(p []byte) (n int, err error) {
	for n == 0 && err == nil {
		var read int
		read, err = s.from.Read(p)
		for _, c := range p[:read] {
			switch c {
			case ' ', '\t', '\n', '\f', '\r':
				continue
			case '=':
				s.padded = true
				continue
			case '-':
				c = '+'
			case '_':
				c = '/'
			}
			if s.padded {
				c = '=' // which no decoder without padding takes
			}
			p[n] = c
			n++
		}
	}
	return n, err
}

// percentDecoder reads a part of a URL: without its tabs and line ends, and with each % and two
// hexadecimal digits as the byte that they are. Any other % is itself.
type percentDecoder struct{ text string }

// Read implements io.Reader.
func (d *percentDecoder) Read(p []byte) (n int, err error) {
	for n < len(p) && d.text != "" {
		c, used := d.text[0], 1
		switch c {
		case '\t', '\n', '\r':
			d.text = d.text[1:]
			continue
		case '%':
			// Tabs and line ends are removed before a URL is decoded, also from inside of %41.
			if high, i, ok := d.digit(1); ok {
				if low, j, ok := d.digit(i); ok {
					c, used = high<<4|low, j
				}
			}
		}
		p[n] = c
		n++
		d.text = d.text[used:]
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// digit reads the hexadecimal digit at i, behind any tabs and line ends. next is the offset behind
// it.
func (d *percentDecoder) digit(i int) (value byte, next int, ok bool) {
	for i < len(d.text) && strings.IndexByte("\t\n\r", d.text[i]) >= 0 {
		i++
	}
	if i == len(d.text) {
		return 0, i, false
	}
	switch c := d.text[i]; {
	case '0' <= c && c <= '9':
		value = c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		value = c | 0x20 - 'a' + 10
	default:
		return 0, i, false
	}
	return value, i + 1, true
}
