package httpmodel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMessage is how many bytes of a server's own message clients are shown.
const maxMessage = 500

// reportedError returns the message of an object with an error, and whether data are one. Some
// servers send the member with each chunk: it reports no error if it is null, false, 0 or empty.
func reportedError(data []byte) (message string, ok bool) {
	if !bytes.Contains(data, []byte(`"error"`)) {
		return "", false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return "", false
	}
	switch string(members["error"]) {
	case "", "null", "false", "0", `""`, "{}", "[]":
		return "", false
	}
	return messageOf(data), true
}

// messageOf returns the message of the body of an error response: of the objects that web
// frameworks and model servers make, or else a short plain text. It is empty if there is none.
func messageOf(body []byte) string {
	body = bytes.TrimSpace(body)
	if json.Valid(body) {
		return shortened(messageIn(body, 0))
	}
	if len(body) == 0 || len(body) > maxMessage || !utf8.Valid(body) || body[0] == '<' || body[0] == '{' {
		return "" // a page, or a part of something
	}
	return shortened(string(body))
}

// messageIn returns the message of a JSON value. Errors hold their message at few levels.
func messageIn(value []byte, depth int) string {
	value = bytes.TrimSpace(value)
	if depth > 3 || len(value) == 0 {
		return ""
	}
	switch value[0] {
	case '"':
		var text string
		_ = json.Unmarshal(value, &text) // it is valid
		return text
	case '[':
		var list []json.RawMessage
		_ = json.Unmarshal(value, &list)
		var all []string
		for _, item := range list {
			if text := messageIn(item, depth+1); text != "" {
				all = append(all, text)
			}
		}
		return strings.Join(all, "; ")
	case '{':
		var members map[string]json.RawMessage
		_ = json.Unmarshal(value, &members)
		for _, name := range []string{"error", "detail", "message", "msg", "error_message", "errors", "title"} {
			if text := messageIn(members[name], depth+1); text != "" {
				return location(members["loc"]) + text
			}
		}
	}
	return ""
}

// location returns where FastAPI found an input wrong, as "body.prompt: ".
func location(loc []byte) string {
	var parts []any // names and indexes
	if json.Unmarshal(loc, &parts) != nil || len(parts) == 0 {
		return ""
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = fmt.Sprint(part)
	}
	return strings.Join(texts, ".") + ": "
}

// shortened returns a message in one line, and of a long one the beginning.
func shortened(message string) string {
	message = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(message, string(replacement)))
	message = strings.TrimSpace(message)
	if len(message) > maxMessage {
		return strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return message
}
