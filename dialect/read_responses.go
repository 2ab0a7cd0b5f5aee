package dialect

import (
	"bytes"
	"encoding/json"

	"penstock/sse"
)

// responsesReader is the Reader of /v1/responses.
type responsesReader struct {
	final   []byte // the data of the event that ended the response
	written int    // bytes of text in all events
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
	for s.enter('{'); s.more('}'); {
		switch string(s.name()) {
		case "type":
			if value := s.skip(); len(value) > 2 && value[0] == '"' && kind == "" {
				kind = string(value[1 : len(value)-1])
			}
		case "delta":
			if value := s.skip(); len(value) > 2 && value[0] == '"' {
				r.written += len(value) - len(`""`)
			}
		case "error":
			failed = failed || reportsError(s.skip())
		case "object":
			failed = failed || string(s.skip()) == errorObject
		default:
			s.skip()
		}
	}
	if !s.over() {
		return SignMalformed
	}
	switch kind {
	case "error":
		return SignError
	case "":
		if failed {
			return SignError
		}
		return SignMalformed
	case "response.completed", "response.incomplete", "response.failed":
		r.final = bytes.Clone(data)
		return SignLast
	}
	if endsIn(Responses, e) {
		return SignMalformed
	}
	switch kind {
	case "response.created", "response.queued", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.reasoning_summary_part.added":
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
func (r *responsesReader) Trim(data []byte) []byte { return data }

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
			Usage struct {
				InputTokens  int `json:"input_tokens"`
				OutputTokens int `json:"output_tokens"`
				TotalTokens  int `json:"total_tokens"`
			} `json:"usage"`
		} `json:"response"`
	}
	_ = json.Unmarshal(r.final, &final) // what makes no sense is left out, as in usageOf
	response := final.Response
	end := End{Reason: "stop", Usage: Usage{
		PromptTokens: response.Usage.InputTokens, CompletionTokens: response.Usage.OutputTokens, TotalTokens: response.Usage.TotalTokens,
	}}
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
