package httpmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"penstock/engine"
	"penstock/sse"
)

// readAll returns what chunks are in a body, and how it ends.
func readAll(s Stream, body io.Reader, framed bool) string {
	c := newChunks(&s, body, framed, 64<<10, func(int) error { return nil })
	var b strings.Builder
	var buf []sse.Event
	for {
		got, end, err := c.read(buf[:0])
		for _, e := range got {
			fmt.Fprintf(&b, "%s%s|", e.Name, e.Data)
		}
		switch {
		case end.Reason() != "":
			if end.Usage() != (engine.Usage{}) {
				fmt.Fprint(&b, end.Usage().PromptTokens, "+", end.Usage().CompletionTokens, " ")
			}
			return b.String() + end.Reason()
		case err != nil:
			return b.String() + "! " + err.Error()
		case len(got) == 0:
			return b.String() + "nothing at all"
		}
		buf = got
	}
}

// inTwo is a body that arrives in two parts.
func inTwo(body string, at int) io.Reader {
	return io.MultiReader(strings.NewReader(body[:at]), strings.NewReader(body[at:]))
}

var formatCases = []struct {
	name         string
	stream       Stream
	body         string
	want, joined string // joined: texts put together, where pieces depend on how the body arrives
	unframed     string // how it ends without a length; "": as with one
}{
	{"sse", Stream{Format: FormatSSE}, "data: {\"text\":\"a\"}\n\nid: 9\nevent: part\ndata: b\ndata: c\n\ndata: [DONE]\n\n", `{"text":"a"}|partb` + "\nc|stop", "", ""},
	{"sse done", Stream{Format: FormatSSE}, "data: 1\r\n\r\nevent: done\r\ndata: {\"reason\":\"length\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\r\n\r\n", "1|3+2 length", "", ""},
	{"sse named end", Stream{Format: FormatSSE, End: "finished"}, "data: 1\n\nevent: finished\ndata: {}\n\n", "1|stop", "", ""},
	{"sse other end", Stream{Format: FormatSSE}, "data: 1\n\nevent: finished\ndata: {}\n\n", "1|finished{}|! " + errNoEnd.Error(), "", ""},
	{"sse no end", Stream{Format: FormatSSE}, "data: 1\n\ndata: 2\n\n", "1|2|! " + errNoEnd.Error(), "", ""},
	{"sse last empty line missing", Stream{Format: FormatSSE}, "data: 1\n\ndata: [DONE]\n", "1|stop", "", "1|! unexpected EOF"},
	{"sse done without data", Stream{Format: FormatSSE}, "data: 1\n\nevent: done\n\n", "1|! " + errNoEnd.Error(), "", ""},
	{"sse done with empty data", Stream{Format: FormatSSE}, "data: 1\n\nevent: done\ndata:\n\n", "1|stop", "", ""},
	{"sse error", Stream{Format: FormatSSE}, "data: 1\n\nevent: error\ndata: {\"message\":\"out of memory\"}\n\n", "1|! the server reported an error: out of memory", "", ""},
	{"sse error in words", Stream{Format: FormatSSE}, "event: error\ndata: out of memory\n\n", "! the server reported an error: out of memory", "", ""},
	{"sse data error", Stream{Format: FormatSSE}, "data: {\"error\":\"boom\"}\n\ndata: [DONE]\n\n", "! the server reported an error: boom", "", ""},
	{"sse failed", Stream{Format: FormatSSE}, "event: failed\ndata: {\"code\":\"internal\",\"message\":\"boom\"}\n\n", "! the server reported an error: boom", "", ""},
	{"sse no error", Stream{Format: FormatSSE}, "data: {\"error\":null,\"text\":\"a\"}\n\ndata: [DONE]\n\n", `{"error":null,"text":"a"}|stop`, "", ""},
	{"sse JSON", Stream{Format: FormatSSE}, `{"error":{"message":"no GPU"}}`, "! the server reported an error: no GPU", "", ""},
	{"sse error in its end", Stream{Format: FormatSSE}, "data: 1\n\nevent: done\ndata: {\"error\":\"no GPU\"}\n\n", "1|! the server reported an error: no GPU", "", ""},
	{"sse error in its named end", Stream{Format: FormatSSE, End: "finished"}, "data: 1\n\nevent: finished\ndata: {\"error\":{\"message\":\"no GPU\"}}\n", "1|! the server reported an error: no GPU", "", "1|! unexpected EOF"},
	{"sse end without an error", Stream{Format: FormatSSE}, "event: done\ndata: {\"error\":null}\n\n", "stop", "", ""},
	{"sse name not UTF-8", Stream{Format: FormatSSE}, "event: n\xff\ndata: a\n\ndata: [DONE]\n\n", "n\ufffda|stop", "", ""},
	{"sse not UTF-8", Stream{Format: FormatSSE}, "data: a\xffb\n\ndata: [DONE]\n\n", "a\ufffdb|stop", "", ""},
	{"ndjson", Stream{Format: FormatJSON}, "{\"a\":1}\r\n\n [2]\n\"x\"\n", `{"a":1}|[2]|"x"|stop`, "", `{"a":1}|[2]|"x"|! ` + errUnframed.Error()},
	{"ndjson byte order mark", Stream{Format: FormatJSON}, "\ufeff{\"a\":1}\n", `{"a":1}|stop`, "", `{"a":1}|! ` + errUnframed.Error()},
	{"ndjson later byte order mark", Stream{Format: FormatJSON}, "1\n\ufeff2\n", "1|! a line that is not JSON", "", ""},
	{"ndjson no line end", Stream{Format: FormatJSON}, "{\"a\":1}\n{\"b\":2}", `{"a":1}|{"b":2}|stop`, "", `{"a":1}|! ` + errUnframed.Error()},
	{"ndjson empty", Stream{Format: FormatJSON}, "", "stop", "", "! " + errUnframed.Error()},
	{"ndjson cut line", Stream{Format: FormatJSON}, "{\"a\":1}\n{\"b\":", `{"a":1}|! a line that is not JSON`, "", `{"a":1}|! ` + errUnframed.Error()},
	{"ndjson error", Stream{Format: FormatJSON}, "{\"a\":1}\n{\"error\":\"boom\"}\n", `{"a":1}|! the server reported an error: boom`, "", ""},
	{"ndjson page", Stream{Format: FormatJSON}, "<html>\n</html>\n", "! a line that is not JSON", "", ""},
	{"text", Stream{Format: FormatText}, "Hé🙂\n\"x\" ende", "", "Hé🙂\n\"x\" ende stop", "Hé🙂\n\"x\" ende ! " + errUnframed.Error()},
	{"text empty", Stream{Format: FormatText}, "", "stop", "", "! " + errUnframed.Error()},
	{"text cut character", Stream{Format: FormatText}, "a🙂"[:4], "", "a ! the text ends in the middle of a character", "a ! " + errUnframed.Error()},
	{"text not UTF-8", Stream{Format: FormatText}, "a\xff\xffb", "", "a\ufffdb stop", "a\ufffdb ! " + errUnframed.Error()},
}

// joinTexts puts the texts of chunks together, and checks that each is UTF-8 by itself.
func joinTexts(t *testing.T, got string) string {
	t.Helper()
	parts := strings.Split(got, "|")
	var b strings.Builder
	for _, p := range parts[:len(parts)-1] {
		var chunk struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal([]byte(p), &chunk); err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		b.WriteString(chunk.Text)
	}
	return b.String() + " " + parts[len(parts)-1]
}

// A body means the same wherever the network divides it.
func TestFormatsAtEverySplit(t *testing.T) {
	for _, c := range formatCases {
		for at := 0; at <= len(c.body); at++ {
			for _, framed := range []bool{true, false} {
				want := c.want
				if c.joined != "" {
					want = c.joined
				}
				if !framed && c.unframed != "" {
					want = c.unframed
				}
				got := readAll(c.stream, inTwo(c.body, at), framed)
				if c.joined != "" {
					got = joinTexts(t, got)
					if c.name == "text not UTF-8" {
						got = strings.ReplaceAll(got, "\ufffd\ufffd", "\ufffd")
					}
				}
				if got != want {
					t.Errorf("%s, split at %d, framed %v: got %q, want %q", c.name, at, framed, got, want)
				}
			}
		}
		if got, want := readAll(c.stream, iotest.OneByteReader(strings.NewReader(c.body)), true), c.want; c.joined == "" && got != want {
			t.Errorf("%s, byte by byte: got %q, want %q", c.name, got, want)
		}
	}
}

// A body that is cut, at any byte, never looks complete, unless its end was there before.
func TestFormatsCutAtEveryByte(t *testing.T) {
	cut := errors.New("connection reset")
	for _, c := range formatCases {
		whole := readAll(c.stream, strings.NewReader(c.body), true)
		for at := 0; at < len(c.body); at++ {
			for _, err := range []error{cut, io.ErrUnexpectedEOF} {
				got := readAll(c.stream, io.MultiReader(strings.NewReader(c.body[:at]), iotest.ErrReader(err)), true)
				ended := c.stream.Format == FormatSSE && got == whole && strings.HasSuffix(c.body[:at], "\n\r") // CR ends a line
				if !strings.Contains(got, "! ") && !ended {
					t.Errorf("%s, cut at %d: it looks complete: %q", c.name, at, got)
				}
			}
			if c.stream.Format == FormatSSE { // closed without a length, as HTTP/1.0 does
				continue
			}
			if got := readAll(c.stream, strings.NewReader(c.body[:at]), false); !strings.Contains(got, "! ") {
				t.Errorf("%s, closed at %d: it looks complete: %q", c.name, at, got)
			}
		}
	}
}

func TestLongLinesAndEventsAreBounded(t *testing.T) {
	for format, want := range map[Format]error{FormatSSE: sse.ErrEventTooLong, FormatJSON: errLineTooLong} {
		held, most := 0, 0
		reserve := func(change int) error {
			held += change
			most = max(most, held)
			return nil
		}
		body := func(n int) string {
			text := strings.Repeat("x", n)
			if format == FormatSSE {
				return "data: " + text + "\n\n" + strings.Repeat("data: 1\n\n", 20000) + "data: [DONE]\n\n"
			}
			return `"` + text + "\"\n" + strings.Repeat("1\n", 40000)
		}
		read := func(n int) (chunks int, err error) {
			c := newChunks(&Stream{Format: format}, strings.NewReader(body(n)), true, 1<<20, reserve)
			for {
				got, end, err := c.read(nil)
				chunks += len(got)
				if err != nil || end.Reason() != "" {
					return chunks, err
				}
			}
		}
		if n, err := read(2 << 20); !errors.Is(err, want) || n != 0 {
			t.Errorf("%s: %d chunks, %v", format, n, err)
		}
		held, most = 0, 0
		if n, err := read(1 << 19); err != nil || n < 20000 {
			t.Errorf("%s: %d chunks, %v", format, n, err)
		}
		if most < 1<<19 || format == FormatJSON && held != 0 {
			t.Errorf("%s: %d bytes were reserved at most, and %d at the end", format, most, held)
		}
	}
}

func TestNoMemoryForALongLineIsItsFailure(t *testing.T) {
	full := errors.New("no memory")
	c := newChunks(&Stream{Format: FormatJSON}, strings.NewReader(strings.Repeat("x", 1<<20)), true, 1<<20, func(int) error { return full })
	if _, _, err := c.read(nil); !errors.Is(err, full) {
		t.Error(err)
	}
}

func FuzzFormats(f *testing.F) {
	for i, c := range formatCases {
		f.Add(c.body, len(c.body)/2, byte(i))
	}
	f.Fuzz(func(t *testing.T, body string, at int, format byte) {
		s := Stream{Format: []Format{FormatSSE, FormatJSON, FormatText}[format%3], End: "end"}
		at = min(max(0, at), len(body))
		whole, split := readAll(s, strings.NewReader(body), true), readAll(s, inTwo(body, at), true)
		if s.Format == FormatText {
			if !strings.Contains(body, "|") && strings.ToValidUTF8(body, "") == body {
				whole, split = joinTexts(t, whole), joinTexts(t, split)
			} else {
				return
			}
		}
		if whole != split {
			t.Errorf("%q, and in two %q", whole, split)
		}
		if cut := readAll(s, strings.NewReader(body), false); s.Format != FormatSSE && !strings.Contains(cut, "! ") {
			t.Errorf("without a length it looks complete: %q", cut)
		}
	})
}

func TestMessagesOfErrorBodies(t *testing.T) {
	for body, want := range map[string]string{
		`{"error": "no such model"}`:                       "no such model",
		`{"error": {"code": 3, "message": "too long"}}`:    "too long",
		`{"detail": "Not Found"}`:                          "Not Found",
		`{"message": "forbidden here", "status": 403}`:     "forbidden here",
		`{"error": true, "message": "why"}`:                "why",
		`{"title": "Bad", "detail": "it is bad"}`:          "it is bad",
		`{"errors": [{"message": "a"}, {"message": "b"}]}`: "a; b",
		`{"detail": [{"loc": ["body", "items", 0], "msg": "Field required", "type": "missing"}, {"loc": ["query", "n"], "msg": "Input should be a valid integer"}]}`: "body.items.0: Field required; query.n: Input should be a valid integer",
		`"only text"`:                        "only text",
		"Internal Server Error\n":            "Internal Server Error",
		"two\nlines":                         "two lines",
		"<html><body>Bad</body></html>":      "",
		`{"error": "cut`:                     "",
		"\xff\xfe":                           "",
		"":                                   "",
		"42":                                 "",
		strings.Repeat("x", 501):             "",
		`"` + strings.Repeat("é", 400) + `"`: strings.Repeat("é", 250) + "…",
	} {
		if got := messageOf([]byte(body)); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}
