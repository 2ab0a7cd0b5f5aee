package local

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/engine"
)

func TestResponseEvents(t *testing.T) {
	m := tiny(t, "tiny32")
	r, err := m.decodeResponse(engine.Input{Body: []byte(`{"model":"m","input":"hi","temperature":0,"max_output_tokens":2,"stream":true}`)})
	if err != nil {
		t.Fatal(err)
	}
	j, err := m.preprocess(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
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
	end, err := m.generateResponse(context.Background(), j, func(together ...engine.Encoded) error {
		for _, c := range together {
			if want := fmt.Sprintf(`{"type":%q,"sequence_number":%d,`, c.Name, len(names)); !strings.HasPrefix(string(c.Data), want) {
				t.Errorf("event %s does not begin with %s", c.Data, want)
			}
			names = append(names, strings.TrimPrefix(c.Name, "response."))
		}
		return json.Unmarshal(together[len(together)-1].Data, &last)
	})
	if err != nil || end.Reason() != engine.ReasonLength {
		t.Fatalf("%v, %v", end, err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return n == "output_text.delta" }) // as many as there was text
	if got := strings.Join(names, " "); got != "created in_progress output_item.added content_part.added output_text.done content_part.done output_item.done incomplete" {
		t.Errorf("events %s", got)
	}
	if u := last.Response.Usage; last.Response.Status != "incomplete" || u.InputTokens != 5 || u.OutputTokens != 2 {
		t.Errorf("the last event says %+v", last)
	}
}

func TestResponsesThatAreRefused(t *testing.T) {
	m := tiny(t, "tiny32")
	for body, code := range map[string]string{
		`{`:             "invalid_json",
		`{"model":"m"}`: "missing_required_parameter",
		`{"model":"m","input":"hi","previous_response_id":"resp_1"}`: "unsupported_parameter",
		`{"model":"m","input":"hi","store":true}`:                    "unsupported_parameter",
		`{"model":"m","input":"hi","tools":[{"type":"web_search"}]}`: "unsupported_parameter",
		`{"model":"m","input":[{"type":"item_reference","id":"x"}]}`: "invalid_value",
	} {
		_, err := m.decodeResponse(engine.Input{Body: []byte(body)})
		if e := apierr.From(err); err == nil || (e.Reason != code && string(e.Code) != code) {
			t.Errorf("%s: %v, want %s", body, err, code)
		}
	}
}
