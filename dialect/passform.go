package dialect

import (
	"bytes"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxFormParts = 1000     // of a form
	maxPartHead  = 16 << 10 // bytes
)

// fieldName is the name of a line of a part's head.
var fieldName = regexp.MustCompile("^[0-9A-Za-z!#$%&'*+.^_`|~-]+$")

// formBoundary is a boundary that all servers read from a Content-Type alike.
var formBoundary = regexp.MustCompile(`^[!#-:<-\[\]-~]+$`)

// ambiguousName is a name that servers read differently: name* is another name to some and none to
// others, and so is a backslash in a name.
var ambiguousName = regexp.MustCompile(`(?i)(?:^|[^0-9a-z])name(?:\*|\s*=\s*"[^"]*\\)`)

// inMultipart finds the value of the field "model" in a multipart form, wherever that stands: some
// clients write the files first. The whole form is read, by the strict rules of RFC 2046: a lenient
// server could else find another name in it.
func inMultipart(form []byte, boundary string) (name modelName, err error) {
	delimiter := []byte("\r\n--" + boundary)
	if !formBoundary.MatchString(boundary) {
		return name, badForm("its boundary is missing or malformed")
	}
	if !bytes.HasPrefix(form, delimiter[2:]) {
		return name, badForm("it does not begin with its boundary")
	}
	at := len(delimiter) - 2
	for range maxFormParts {
		rest := form[at:]
		if after, last := bytes.CutPrefix(rest, []byte("--")); last {
			if after = bytes.TrimLeft(after, " \t"); len(after) > 0 && !bytes.HasPrefix(after, []byte("\r\n")) {
				return name, badForm("its end is not at the end of a line")
			}
			return name, nil
		}
		line := bytes.IndexByte(rest, '\n') + 1
		if string(bytes.TrimLeft(rest[:line], " \t")) != "\r\n" {
			return name, badForm("its boundary is not at the end of a line")
		}
		head := rest[line:min(len(rest), line+maxPartHead)]
		length := bytes.Index(head, []byte("\r\n\r\n"))
		if length < 0 {
			return name, badForm("a part of it has no head, or a long one")
		}
		field, plain, why := partField(string(head[:length]))
		if why != "" {
			return name, badForm(why)
		}
		start := at + line + length + len("\r\n\r\n")
		// The line end before the delimiter may be the one after the head, if a part is empty.
		size := bytes.Index(form[start-2:], delimiter)
		if size < 0 {
			return name, badForm("it does not end with its boundary")
		}
		end := start - 2 + size
		at = end + len(delimiter)
		if size >= 2 && bytes.Contains(form[start:end], delimiter[2:]) { // some servers need no line end before it, or only a line feed
			return name, badForm("its boundary is in a part of it")
		}
		if !strings.EqualFold(field, "model") {
			continue
		}
		switch {
		case field != "model":
			return name, otherCase(field)
		case name.found:
			return name, twoModels()
		case size < 2 || !plain || !utf8.Valid(form[start:end]):
			return name, badRequest("model", codeInvalidType, "Invalid type for 'model': expected a field of text.")
		}
		name = modelName{found: true, start: start, end: end, value: string(form[start:end]), quote: func(model string) string { return model }}
	}
	return name, badForm("it has too many parts")
}

// partField returns the name of the field that a part's head names, and whether the part is plain
// text: no file, and not encoded. why says what is wrong with the head.
func partField(head string) (field string, plain bool, why string) {
	plain = true
	seen := false
	for line := range strings.SplitSeq(head, "\r\n") {
		key, value, ok := strings.Cut(line, ":")
		if !ok || !fieldName.MatchString(key) || strings.ContainsFunc(value, isControl) {
			return "", false, "the head of a part is malformed"
		}
		switch strings.ToLower(key) {
		case "content-disposition":
			kind, parameters, err := mime.ParseMediaType(value)
			if err != nil || kind != "form-data" || seen || ambiguousName.MatchString(value) {
				return "", false, "a part of it has a malformed Content-Disposition"
			}
			_, isFile := parameters["filename"]
			seen, field, plain = true, parameters["name"], plain && !isFile
			delete(parameters, "name")
			delete(parameters, "filename")
			if len(parameters) > 0 { // a name may be in the text of another parameter
				return "", false, "a part of it has a Content-Disposition with more than a name and a filename"
			}
		case "content-transfer-encoding":
			switch strings.ToLower(strings.TrimSpace(value)) {
			case "7bit", "8bit", "binary":
			default:
				plain = false
			}
		}
	}
	if !seen {
		return "", false, "a part of it has no Content-Disposition"
	}
	return field, plain, ""
}

// isControl reports whether a character cannot be in a line of a part's head.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func badForm(why string) *Error {
	return badRequest("", codeInvalidValue, "The multipart form of the request is malformed: %s.", why)
}
