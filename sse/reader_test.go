package sse_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	gosse "github.com/tmaxmax/go-sse"

	"penstock/sse"
)

// event is a sse.RawEvent that stays as it is.
type event struct{ name, data, id string }

func readEvents(r io.Reader, limit int) (events []event, err error) {
	reader := sse.NewReader(r, limit)
	for {
		e, err := reader.Next()
		if err != nil {
			if len(e.Data) > 0 {
				events = append(events, event{string(e.Name), string(e.Data) + "|unfinished", string(e.ID)})
			}
			return events, err
		}
		events = append(events, event{string(e.Name), string(e.Data), string(e.ID)})
	}
}

func TestReader(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []event
		err  error
	}{
		"nothing":             {"", nil, io.EOF},
		"one":                 {"data: a\n\n", []event{{"", "a", ""}}, io.EOF},
		"CRLF":                {"data: a\r\n\r\ndata: b\r\n\r\n", []event{{"", "a", ""}, {"", "b", ""}}, io.EOF},
		"CR":                  {"data: a\r\rdata: b\r\r", []event{{"", "a", ""}, {"", "b", ""}}, io.EOF},
		"mixed":               {"data: a\r\n\ndata: b\n\r\ndata: c\r\n\r", []event{{"", "a", ""}, {"", "b", ""}, {"", "c", ""}}, io.EOF},
		"no space":            {"data:a\n\n", []event{{"", "a", ""}}, io.EOF},
		"two spaces":          {"data:  a \n\n", []event{{"", " a ", ""}}, io.EOF},
		"BOM":                 {"\ufeffdata: a\n\ndata: \ufeff\n\n", []event{{"", "a", ""}, {"", "\ufeff", ""}}, io.EOF},
		"BOM alone":           {"\ufeff\n", nil, io.EOF},
		"comments":            {": hello\n\n:\ndata: a\n: inside\n\n: end\n", []event{{"", "a", ""}}, io.EOF},
		"all fields":          {"event: x\nid: 7\nretry: 10\nfoo: bar\ndata: a\n\ndata: b\n\n", []event{{"x", "a", "7"}, {"", "b", ""}}, io.EOF},
		"several data lines":  {"data: a\nevent: name\ndata: bcdefghijkl\ndata\ndata:\nid: 4\ndata: e\n\n", []event{{"name", "a\nbcdefghijkl\n\n\ne", "4"}}, io.EOF},
		"empty data":          {"data:\n\n", []event{{"", "", ""}}, io.EOF},
		"no data, no event":   {"event: x\n\ndata: a\n\n", []event{{"", "a", ""}}, io.EOF},
		"many empty lines":    {"\n\n\r\n\r\rdata: a\n\n\n\n", []event{{"", "a", ""}}, io.EOF},
		"cut before the line": {"data: a\n\ndata: b", []event{{"", "a", ""}, {"", "b|unfinished", ""}}, io.ErrUnexpectedEOF},
		"cut after the line":  {"data: a\n\ndata: b\n", []event{{"", "a", ""}, {"", "b|unfinished", ""}}, io.ErrUnexpectedEOF},
		"cut in a name":       {"data: a\n\nda", []event{{"", "a", ""}}, io.ErrUnexpectedEOF},
		"cut in a comment":    {"data: a\n\n: b", []event{{"", "a", ""}}, io.EOF},
		"at the limit":        {"data: " + strings.Repeat("a", 91) + "\n\n\n\n", []event{{"", strings.Repeat("a", 91), ""}}, io.EOF},
		"beyond the limit":    {"data: a\n\ndata: " + strings.Repeat("a", 200) + "\n\n", []event{{"", "a", ""}}, sse.ErrEventTooLong},
		"many lines beyond":   {"data: a\n\n" + strings.Repeat("data: x\n", 30) + "\n", []event{{"", "a", ""}}, sse.ErrEventTooLong},
		"comments only":       {strings.Repeat(": keep-alive\n\n", 30) + "data: a\n\n", []event{{"", "a", ""}}, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			for way, r := range map[string]io.Reader{
				"whole":        strings.NewReader(c.in),
				"byte by byte": iotest.OneByteReader(strings.NewReader(c.in)),
				"end at once":  iotest.DataErrReader(strings.NewReader(c.in)),
			} {
				got, err := readEvents(r, 100)
				if errors.Is(c.err, sse.ErrEventTooLong) && len(got) > len(c.want) { // the unfinished rest, as far as it came
					got = got[:len(c.want)]
				}
				if !reflect.DeepEqual(got, c.want) || !errors.Is(err, c.err) {
					t.Errorf("%s: %q gives %q, %v", way, c.in, got, err)
				}
			}
		})
	}
}

func TestReaderHandsOverAtOnce(t *testing.T) {
	r, w := io.Pipe()
	events := sse.NewReader(r, 1000)
	for _, end := range []string{"\n\n", "\r\r", "\r\n\r\n", "\n\r"} {
		go w.Write([]byte("data: a" + end))
		if e, err := events.Next(); err != nil || string(e.Data) != "a" {
			t.Fatalf("after %q came %q, %v", end, e.Data, err)
		}
	}
}

func TestReaderTellsTheReadersError(t *testing.T) {
	broken := errors.New("connection reset")
	events := sse.NewReader(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(broken)), 1000)
	if _, err := events.Next(); err != nil {
		t.Fatal(err)
	}
	if e, err := events.Next(); !errors.Is(err, broken) || string(e.Data) != "b" {
		t.Errorf("the cut event is %q, %v", e.Data, err)
	}
	if e, err := events.Next(); !errors.Is(err, broken) || len(e.Data) > 0 {
		t.Errorf("after the end comes %q, %v", e.Data, err)
	}
}

func TestReaderReadsLongLines(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 4<<20/16)
	in := "data: a\n\ndata: " + long + "\n\ndata: b\n\n"
	got, err := readEvents(strings.NewReader(in), 5<<20)
	if !errors.Is(err, io.EOF) || len(got) != 3 || got[1].data != long || got[2].data != "b" {
		t.Errorf("%d events came, %v", len(got), err)
	}
}

func TestReaderAllocatesNothingPerEvent(t *testing.T) {
	in := strings.Repeat("event: name\nid: 5\ndata: one\ndata: two\n\n", 20000)
	events := sse.NewReader(strings.NewReader(in), 1000)
	events.Next()
	if n := testing.AllocsPerRun(10000, func() {
		if _, err := events.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("an event costs %v allocations", n)
	}
}

// A reader's buffer is counted before it grows, and given back when a large event is over, also if
// the beginning of another is in it already.
func TestAReaderReservesWhatLargeEventsTake(t *testing.T) {
	const size = 10 << 20
	in := strings.Repeat("data: small\n\n", 3) + "data: " + strings.Repeat("x", size) + "\n\n" + strings.Repeat("data: small\n\n", 30_000)
	held, most := 0, 0
	events := sse.NewReader(iotest.HalfReader(strings.NewReader(in)), 64<<20)
	events.Reserve(func(change int) error {
		held += change
		most = max(most, held)
		return nil
	})
	for n := range 3 + 1 + 30_000 {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case n < 3 && held > 0:
			t.Fatalf("%d bytes are reserved for event %d", held, n)
		case n == 3 && (len(e.Data) != size || held < size):
			t.Fatalf("%d bytes are reserved for one of %d", held, len(e.Data))
		}
	}
	if _, err := events.Next(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if held != 0 || most > 3*size {
		t.Errorf("%d bytes are still reserved, %d were", held, most)
	}
}

func TestAReaderWithoutMemoryReadsNoFurther(t *testing.T) {
	full := errors.New("no memory")
	source := strings.NewReader("data: " + strings.Repeat("x", 10<<20) + "\n\n")
	events := sse.NewReader(source, 64<<20)
	events.Reserve(func(change int) error {
		if change > 1<<20 {
			return full
		}
		return nil
	})
	if _, err := events.Next(); !errors.Is(err, full) || source.Len() < 8<<20 {
		t.Errorf("%v, with %d bytes unread", err, source.Len())
	}
}

// FuzzReader reads the same bytes whole and in pieces, and beside an independent
// parser.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"data: a\n\n", "\ufeffdata: a\r\rdata: b\r\n\r\n", "event: x\ndata\ndata: y\nid: 1\n\n", ": c\n\ndata: cut", "data: a\n\n\r\n: k\n\ndata:b\ndata:c\r\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, wholeErr := readEvents(bytes.NewReader(in), 1<<20)
		pieces, piecesErr := readEvents(iotest.HalfReader(iotest.OneByteReader(bytes.NewReader(in))), 1<<20)
		if !reflect.DeepEqual(whole, pieces) || !errors.Is(wholeErr, piecesErr) {
			t.Fatalf("%q gives %q, %v whole and %q, %v in pieces", in, whole, wholeErr, pieces, piecesErr)
		}
		if errors.Is(wholeErr, io.ErrUnexpectedEOF) && len(whole) > 0 && strings.HasSuffix(whole[len(whole)-1].data, "|unfinished") {
			whole = whole[:len(whole)-1]
		}
		if bytes.IndexByte(in, 0) >= 0 || bytes.Contains(in, []byte("\ufeff")) {
			return // the two see NUL and inner byte order marks differently
		}
		var theirs, ours []string
		for e, err := range gosse.Read(bytes.NewReader(in), &gosse.ReadConfig{MaxEventSize: 2 << 20}) {
			if err != nil {
				break
			}
			if e.Data != "" { // it hands over events without data lines, against the standard
				theirs = append(theirs, fmt.Sprintf("%q %q", e.Type, e.Data))
			}
		}
		for _, e := range whole {
			if e.data != "" {
				ours = append(ours, fmt.Sprintf("%q %q", e.name, e.data))
			}
		}
		for i := range ours {
			if i < len(theirs) && ours[i] != theirs[i] {
				t.Fatalf("%q: event %d is %s, and %s to another parser", in, i, ours[i], theirs[i])
			}
		}
	})
}
