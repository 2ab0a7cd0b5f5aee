package dialect

import (
	"bytes"
	"encoding/json"
	"strings"

	"penstock/sse"
)

// responsesReader is the Reader of /v1/responses.
type responsesReader struct {
	final   []byte // the data of the event that ended the response
	written int    // bytes of text in all events

	cuts  cuts   // of the current event
	plain []byte // the current event without them
}

// Read implements Reader.
func (r *responsesReader) Read(e sse.Event) Sign {
	data := e.Data
	switch {
	case len(data) == 0:
		return SignEmpty
	case isDone(data): // OpenAI does not send it here, but other servers do
		return SignEmpty
	}
	kind := e.Name.String()
	s := scanner{data: data}
	failed := false
	var plain plainError
	r.cuts.reset()
	for s.enter('{'); ; {
		before := s.at
		if !s.more('}') {
			break
		}
		r.cuts.next(before, s.at)
		switch name := s.name(); string(name) {
		case "type":
			value := s.skip()
			if len(value) > 2 && value[0] == '"' && kind == "" {
				kind = string(value[1 : len(value)-1])
			}
		case "delta":
			if value := s.skip(); len(value) > 2 && value[0] == '"' {
				r.written += len(value) - len(`""`)
			}
			plain.other = true
		case errorWord: // OpenAI has it in the response, and not here
			switch value := s.skip(); {
			case reportsError(value):
				failed = true
			case len(value) > 0:
				r.cuts.add(s.at, false)
			}
		default:
			value := s.skip()
			failed = failed || string(value) == errorObject && string(name) == "object"
			plain.member(name, value)
		}
	}
	switch {
	case !s.over() && isKeepAlive(e):
		return SignEmpty
	case !s.over():
		return SignMalformed
	}
	switch {
	case kind == errorWord, kind == "" && (failed || plain.reports()):
		return SignError
	case r.cuts.all():
		return SignEmpty
	case kind == "":
		return SignMalformed
	}
	return r.classify(kind, e)
}

// classify returns what an event of that name or type means.
func (r *responsesReader) classify(kind string, e sse.Event) Sign {
	if r.cuts.isUsed() {
		r.plain = append(r.plain[:0], e.Data...)
		e.Data = r.cuts.apply(r.plain)
	}
	switch kind {
	case "response.completed", "response.incomplete", "response.failed":
		r.final = bytes.Clone(e.Data)
		return SignLast
	}
	if endsIn(Responses, e) {
		return SignMalformed
	}
	switch kind {
	case "response.created", "response.queued", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.reasoning_summary_part.added":
		return SignQuiet
	}
	if !strings.HasPrefix(kind, "response.") { // "keepalive", "ping"
		return SignQuiet
	}
	return SignContent
}

// Deltas implements Reader.
func (r *responsesReader) Deltas(into []Delta, e sse.Event) ([]Delta, error) {
	final := r.final != nil && bytes.Equal(e.Data, r.final) // events before it may have been held back
	if final {
		return append(into, Delta{Dialect: Responses, Event: e, Final: true, Read: true}), nil
	}
	return appendRead(into, Responses, e), nil
}

// Trim implements Reader: servers always report the usage.
func (r *responsesReader) Trim(data []byte) []byte { return r.cuts.apply(data) }

// Rest implements Reader.
func (r *responsesReader) Rest(into []Delta) []Delta { return into }

// Text implements Reader.
func (r *responsesReader) Text() int { return r.written }

// Whole implements Reader: only the last event says that the response is whole.
func (r *responsesReader) Whole() bool { return false }

// End implements Reader.
func (r *responsesReader) End() End {
	var final struct {
		Response struct {
			Status            string `json:"status"`
			IncompleteDetails struct {
				Reason string `json:"reason"`
			} `json:"incomplete_details"`
			Usage json.RawMessage `json:"usage"`
		} `json:"response"`
	}
	_ = json.Unmarshal(r.final, &final) // what makes no sense is left out, as in usageOf
	response := final.Response
	end := End{Reason: "stop", Usage: usageOf(response.Usage)}
	switch {
	case response.IncompleteDetails.Reason == "max_output_tokens":
		end.Reason = "length"
	case response.IncompleteDetails.Reason != "":
		end.Reason = response.IncompleteDetails.Reason
	case response.Status == "failed":
		end.Reason = response.Status
	}
	return end
}
