package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"penstock/dialect"
	"penstock/engine"
)

func TestResponseEvents(t *testing.T) {
	m := tiny(t, "tiny32")
	got := respond(t, m, dialect.Responses, `{"model":"m","input":"hi","temperature":0,"max_output_tokens":2,"stream":true}`)
	var names []string
	var last struct {
		Response struct {
			Status string
			Usage  struct {
				InputTokens  int `json:"input_tokens"`
				OutputTokens int `json:"output_tokens"`
			}
		}
	}
	for _, e := range append(got.events, got.terminal) {
		if want := fmt.Sprintf(`{"type":%q,"sequence_number":%d,`, e.Name.String(), len(names)); !strings.HasPrefix(string(e.Data), want) {
			t.Errorf("event %s does not begin with %s", e.Data, want)
		}
		names = append(names, strings.TrimPrefix(e.Name.String(), "response."))
	}
	if err := json.Unmarshal(got.terminal.Data, &last); err != nil || got.end.Reason() != engine.ReasonLength {
		t.Fatalf("%v, %v", got.end, err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == "output_text.delta" }) // as many as there was text
	if got := strings.Join(names, " "); got != "created in_progress output_item.added content_part.added output_text.done content_part.done output_item.done incomplete" {
		t.Errorf("events %s", got)
	}
	if u := last.Response.Usage; last.Response.Status != "incomplete" || u.InputTokens != 5 || u.OutputTokens != 2 {
		t.Errorf("the last event has %+v", last)
	}
}

func TestResponsesThatAreRejected(t *testing.T) {
	m := tiny(t, "tiny32")
	for body, code := range map[string]string{
		`{`:             "invalid_json",
		`{"model":"m"}`: "missing_required_parameter",
		`{"model":"m","input":"hi","previous_response_id":"resp_1"}`: "unsupported_parameter",
		`{"model":"m","input":"hi","background":true}`:               "unsupported_parameter",
		`{"model":"m","input":"hi","tool_choice":"required"}`:        "unsupported_parameter",
		`{"model":"m","input":"hi","tools":[{"type":"web_search"}]}`: "unsupported_parameter",
		`{"model":"m","input":[{"type":"item_reference","id":"x"}]}`: "invalid_value",
	} {
		err := check(m, dialect.Responses, dialect.Input{Body: []byte(body)})
		if d := new(dialect.Error); !errors.As(err, &d) || d.Code != code || d.Status != 400 {
			t.Errorf("%s: %v, want %s", body, err, code)
		}
	}
}
