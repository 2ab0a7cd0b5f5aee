package upstream

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"penstock/dialect"
	"penstock/failover"
	"penstock/memory"
)

// form is what a body looks like. Servers, and what is in front of them, label bodies wrongly.
type form int

const (
	formOther  form = iota // empty, or something else: it is what its label says
	formEvents             // server-sent events
	formJSON               // an object or a list
	formHTML               // a page
)

// maxBlank is how many blank bytes, which keep connections open, may precede a whole response whose
// form is looked at.
const maxBlank = 64 << 10

// starts are the first bytes of bodies, in lower case. A stream's first line is a comment or a
// field; a name without a colon is a field, too, but no server sends that.
var starts = []struct {
	text string
	form form
}{
	{":", formEvents},
	{"data:", formEvents},
	{"event:", formEvents},
	{"id:", formEvents},
	{"retry:", formEvents},
	{"{", formJSON},
	{"[", formJSON},
	{"<html", formHTML},
	{"<!doctype", formHTML},
}

// mark is a byte order mark, which may precede a body of any form.
const mark = "\ufeff"

// formOf returns the form of a body that begins with start; known is false if more of it must be
// read for that.
func formOf(start []byte) (f form, known bool) {
	start = bytes.TrimPrefix(start, []byte(mark))
	if start = bytes.TrimLeft(start, " \t\r\n"); len(start) == 0 {
		return formOther, false
	}
	known = true
	for _, s := range starts {
		n := min(len(start), len(s.text))
		if !bytes.EqualFold(start[:n], []byte(s.text[:n])) {
			continue
		}
		if n == len(s.text) {
			return s.form, true
		}
		known = false
	}
	return formOther, known && (len(start) >= len(mark) || !bytes.HasPrefix([]byte(mark), start))
}

// sniff finds out the form of the body, of which it reads no more than the first bytes. They are
// read again by the body's next reader, but for blank ones of a stream, which mean nothing there.
func (o *response) sniff(streamed bool) *failover.Failure {
	start := make([]byte, 0, 64)
	for len(start) < maxBlank {
		if len(start) == cap(start) {
			start = append(make([]byte, 0, 4*cap(start)), start...)
		}
		n, err := o.body.Read(start[len(start):cap(start)])
		start = start[:len(start)+n]
		if streamed {
			start = start[:copy(start, bytes.TrimLeft(start, " \t\r\n"))]
		}
		form, known := formOf(start)
		if known {
			o.form = form
			break
		}
		if err == io.EOF { //nolint:errorlint // io.EOF itself is a clean end
			break
		}
		if err != nil {
			return o.broken(err)
		}
	}
	if o.form == formJSON && bytes.HasPrefix(start, []byte(mark)) { // no JSON parser takes it
		start = start[len(mark):]
		o.head.ContentLength = max(-1, o.head.ContentLength-int64(len(mark)))
	}
	o.body = &sniffed{start, o.body}
	return nil
}

// sniffed is a body whose first bytes have been read.
type sniffed struct {
	start []byte
	rest  io.Reader
}

// Read implements io.Reader.
func (s *sniffed) Read(p []byte) (int, error) {
	if len(s.start) == 0 {
		return s.rest.Read(p)
	}
	n := copy(p, s.start)
	s.start = s.start[n:]
	return n, nil
}

// isEvents reports whether the body is a stream, or is declared as one and looks like nothing else.
func (o *response) isEvents() bool {
	return o.form == formEvents || o.form == formOther && o.mediaType() == "text/event-stream"
}

// isHTML reports whether the body is a page, or is declared as one and looks like nothing else.
func (o *response) isHTML() bool {
	return o.form == formHTML || o.form == formOther && o.mediaType() == "text/html"
}

// asEvents makes events of a whole response to a request for a stream: it has been paid for, and
// the client gets it as the stream that it wants.
func (o *response) asEvents(g *generation) *failover.Failure {
	if f := o.sniff(true); f != nil {
		return f
	}
	switch {
	case o.form == formEvents:
		return nil
	case o.isHTML(), o.form == formOther && o.mediaType() == "application/json":
		return failover.Malformed("a body of type %q in place of events", o.head.Header.Get("Content-Type"))
	case o.form != formJSON:
		return nil
	}
	body, f := o.readJSON()
	if f != nil {
		return f
	}
	events, err := dialect.EventsOf(g.remote.Name(), body)
	if err != nil {
		return failover.Malformed("%w", err)
	}
	var text bytes.Buffer
	for _, e := range events {
		if name := e.Name.String(); name != "" {
			text.WriteString("event: " + name + "\n")
		}
		text.WriteString("data: ")
		text.Write(e.Data)
		text.WriteString("\n\n")
	}
	o.body, o.longest = &text, text.Len()
	o.asked = g.body.Asks() // the usage is there in any case, and only some clients want it
	return nil
}

// eventsOfJSON is about how much memory the events of a whole response take, in its own bytes: most
// of its text is in several events of /v1/responses.
const eventsOfJSON = 8

// readJSON reads a whole response.
func (o *response) readJSON() ([]byte, *failover.Failure) {
	o.watchdog.Set(o.model.config.Timeouts.BetweenTokens, failover.Silence)
	limit := o.model.config.MaxAnswer
	if o.head.ContentLength > limit {
		return nil, failover.TooLarge(limit)
	}
	o.held = memory.From(o.ctx).Reserve(memory.Answer) // until the response is closed
	var nested nesting
	var body bytes.Buffer
	hasValue := false
	for piece := make([]byte, wholePiece); ; {
		n, err := o.body.Read(piece)
		if int64(body.Len()+n) > limit {
			return nil, failover.TooLarge(limit)
		}
		if err := o.growWaiting(int64(eventsOfJSON * n)); err != nil {
			return nil, noMemory(err)
		}
		nested.add(piece[:n])
		body.Write(piece[:n])
		if !hasValue && nested.closed() { // after an error some servers send more, or leave the connection open
			if first := firstValue(body.Bytes()); first != nil {
				hasValue = true
				if is, err := dialect.ReportsError(first); is && err == nil {
					return first, nil
				}
			}
		}
		switch {
		case err == io.EOF && nested.closed(): //nolint:errorlint // io.EOF itself is a clean end
			return joined(body.Bytes()), nil
		case err != nil:
			return nil, o.broken(err)
		}
	}
}

// firstValue returns the first JSON value of a body, nil if that is none.
func firstValue(body []byte) []byte {
	var value json.RawMessage
	if json.NewDecoder(bytes.NewReader(body)).Decode(&value) != nil {
		return nil
	}
	return value
}

// joined returns the only JSON value of a body, or a list of several: some servers send their
// chunks as lines of JSON, or the end of a stream behind a whole response. It returns anything else
// as it is.
func joined(body []byte) []byte {
	text := bytes.TrimSuffix(bytes.TrimSpace(body), []byte("[DONE]"))
	text = bytes.TrimSuffix(bytes.TrimSpace(text), []byte("data:"))
	out := append(make([]byte, 0, len(text)+2), '[')
	var value json.RawMessage
	values := 0
	for d := json.NewDecoder(bytes.NewReader(text)); ; values++ {
		err := d.Decode(&value)
		switch {
		case err == io.EOF && values == 1: //nolint:errorlint // io.EOF itself is a clean end
			return out[1:]
		case err == io.EOF: //nolint:errorlint // io.EOF itself is a clean end
			return append(out, ']')
		case err != nil:
			return body
		case values > 0:
			out = append(out, ',')
		}
		out = append(out, value...)
	}
}

// contentType returns the label of a body that is passed on, in place of one that is wrong.
func (o *response) contentType() string {
	label := o.head.Header.Get("Content-Type")
	if media := o.mediaType(); o.form == formJSON && media != "application/json" && !strings.HasSuffix(media, "+json") {
		return "application/json"
	}
	return label
}
