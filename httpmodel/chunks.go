package httpmodel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"penstock/engine"
	"penstock/sse"
)

// Format is how the chunks of a stream are written in a response.
type Format string

// The formats.
const (
	FormatSSE  Format = "sse"    // server-sent events, each a chunk
	FormatJSON Format = "ndjson" // JSON values on lines, each a chunk
	FormatText Format = "text"   // text, each piece of which is a chunk {"text": …}
)

// chunks reads the chunks of one response.
type chunks interface {
	// read appends the chunks that have arrived, which are at least one, unless it returns an end
	// or an error; it may return chunks beside these, which came before. They stay as they are
	// until the next call. An end has a reason. An error is a *reported if the server reported a
	// failure, a *malformed if it sent what the format does not have, and else that of the
	// response, of what it lacks to be complete, or of reserve.
	read(into []sse.Event) ([]sse.Event, engine.End, error)
}

// newChunks returns the chunks of a body, which is framed if HTTP shows where it ends. No event or
// line may be longer than limit. reserve is called before buffers grow beyond what nearly all
// streams need, and when they shrink.
func newChunks(s *Stream, body io.Reader, framed bool, limit int, reserve func(change int) error) chunks {
	switch s.Format {
	case FormatJSON:
		return &lines{r: body, framed: framed, limit: limit, reserve: reserve}
	case FormatText:
		return &pieces{r: body, framed: framed}
	case FormatSSE:
	}
	e := &events{body: body, framed: framed, last: s.End}
	e.r = sse.NewReader(e, limit)
	e.r.Reserve(reserve)
	return e
}

// reported is a failure that the server has reported in the middle of its stream.
type reported struct{ message string }

// Error implements error.
func (r *reported) Error() string { return "the server reported an error: " + r.message }

// malformed is what a format does not have.
type malformed struct{ err error }

// Error implements error.
func (m *malformed) Error() string { return m.err.Error() }

// Unwrap returns what is wrong.
func (m *malformed) Unwrap() error { return m.err }

func malform(format string, args ...any) error { return &malformed{fmt.Errorf(format, args...)} }

// The events that end a stream, or report its failure, in place of being chunks.
const (
	dataDone    = "[DONE]"
	eventDone   = "done"
	eventError  = "error"
	eventFailed = "failed" // of another Penstock
)

// events are the chunks of server-sent events.
type events struct {
	r      *sse.Reader // of the events themselves
	body   io.Reader
	framed bool
	clean  bool   // the body has ended, and was not cut
	last   string // one more name of an event that ends the stream; may be empty
}

// Read implements io.Reader. It notes a clean end, which sse.Reader cannot tell from a cut inside
// an event.
func (e *events) Read(p []byte) (int, error) {
	n, err := e.body.Read(p)
	e.clean = e.clean || err == io.EOF && e.framed //nolint:errorlint // io.EOF itself is a clean end
	return n, err                                  //nolint:wrapcheck // a Reader's error is passed on
}

// read implements chunks.
func (e *events) read(into []sse.Event) ([]sse.Event, engine.End, error) {
	raw, err := e.r.Next()
	if err != nil {
		// Some servers leave out the last empty line. Without framing the body may have been cut
		// there.
		if errors.Is(err, io.ErrUnexpectedEOF) && e.clean && len(raw.Data) > 0 && e.ends(raw) {
			end, err := endOf(raw.Data)
			return into, end, err
		}
		if message, ok := reportedError(raw.Bare); ok { // the whole body is an error object
			err = &reported{message}
		} else if err == io.EOF { //nolint:errorlint // io.EOF itself is a clean end
			err = errNoEnd
		}
		return into, engine.End{}, err
	}
	for {
		if e.ends(raw) {
			end, err := endOf(raw.Data)
			return into, end, err
		}
		chunk, err := e.chunk(raw)
		if err != nil {
			return into, engine.End{}, err
		}
		into = append(into, chunk)
		more, ok := e.r.Buffered()
		if !ok {
			return into, engine.End{}, nil
		}
		raw = more
	}
}

// errNoEnd reports a stream without an event that ends it.
var errNoEnd = errors.New(`the events ended without an event "done" or stream.end that has a line of data, ` +
	`and without data: [DONE]`)

// ends reports whether an event means that the stream is complete.
func (e *events) ends(raw sse.RawEvent) bool {
	name := string(raw.Name)
	return name == eventDone || name != "" && name == e.last || string(raw.Data) == dataDone
}

// chunk returns an event as a chunk, or the failure that it reports.
func (e *events) chunk(raw sse.RawEvent) (sse.Event, error) {
	if len(raw.Bare) > 0 && len(raw.Data) == 0 {
		if message, ok := reportedError(raw.Bare); ok {
			return sse.Event{}, &reported{message}
		}
		return sse.Event{}, malform("a JSON value in place of an event")
	}
	if name := string(raw.Name); name == eventError || name == eventFailed {
		return sse.Event{}, &reported{messageOf(raw.Data)}
	}
	if message, ok := reportedError(raw.Data); ok {
		return sse.Event{}, &reported{message}
	}
	name, err := sse.ParseName(string(bytes.ToValidUTF8(raw.Name, replacement)))
	if err != nil {
		return sse.Event{}, malform("the name of an event: %w", err)
	}
	return sse.Event{Name: name, Data: bytes.ToValidUTF8(raw.Data, replacement)}, nil
}

// replacement takes the place of what is no UTF-8, as in a browser.
var replacement = []byte("\ufffd")

// endOf returns the end of a complete stream, with the reason and the usage that the data of its
// last event give, if any. Its error is the failure that they report.
func endOf(data []byte) (engine.End, error) {
	if message, ok := reportedError(data); ok {
		return engine.End{}, &reported{message}
	}
	var last struct {
		Reason string `json:"reason"`
		Usage  struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"`
		} `json:"usage"`
	}
	if json.Unmarshal(data, &last) != nil || last.Usage.Prompt < 0 || last.Usage.Completion < 0 {
		return engine.Ended("", engine.Usage{}), nil //nolint:nilerr // other data have neither
	}
	return engine.Ended(last.Reason, engine.Usage{PromptTokens: last.Usage.Prompt, CompletionTokens: last.Usage.Completion}), nil
}
