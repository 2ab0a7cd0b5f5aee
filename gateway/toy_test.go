package gateway_test

import (
	"encoding/json"
	"strings"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/sse"
)

// toy is a dialect of these tests, as one outside package dialect is written.
type toy struct{}

const toyName dialect.Name = "toy"

var toyEnd, toyError = sse.MustName("end"), sse.MustName("error")

func (toy) Name() dialect.Name { return toyName }

func (toy) Decode(in dialect.Input) (*dialect.Request, error) {
	var body struct {
		To     string `json:"to"`
		Text   string `json:"text"`
		Stream bool   `json:"stream"`
	}
	if err := json.Unmarshal(in.Body, &body); err != nil {
		return nil, &apierr.Error{Code: apierr.CodeInvalidJSON, Message: "not a toy's request", Cause: err}
	}
	c := dialect.Call{Model: body.To, Dialect: toyName, Body: in.Body, MediaType: in.MediaType}
	return dialect.NewRequest(c, body.Stream, 1, func() (*dialect.Parameters, error) {
		limit := 5
		return &dialect.Parameters{
			Messages: []dialect.Message{{Role: "user", Content: dialect.Text(body.Text)}}, MaxTokens: &limit,
			N: 1, LogitBias: map[string]float64{"66": 100}, Names: dialect.ParameterNames{Input: "text"},
		}, nil
	}), nil
}

func (toy) Stream(*dialect.Request) dialect.Encoder { return toyEncoder{} }
func (toy) Whole(*dialect.Request) dialect.Gatherer { return new(toyGatherer) }

func (toy) Error(err error, _ string) dialect.ErrorResponse {
	e := dialect.ErrorOf(err)
	return dialect.NewErrorResponse(e, map[string]string{"wrong": string(e.Code)})
}

func (toy) Notice(dialect.Notice) (sse.Event, bool) { return sse.Event{}, false }
func (toy) Ends(e sse.Event) bool                   { return e.Name == toyEnd || e.Name == toyError }

type toyEncoder struct{}

func (toyEncoder) Encode(into []sse.Event, deltas []dialect.Delta) ([]sse.Event, error) {
	for _, d := range deltas {
		if d.Text != "" {
			into = append(into, sse.Event{Data: []byte(d.Text)})
		}
	}
	return into, nil
}

func (toyEncoder) End(into []sse.Event, end dialect.End) ([]sse.Event, error) {
	return append(into, sse.Event{Name: toyEnd, Data: toyResult("", end)}), nil
}

func (toyEncoder) Fail(err *apierr.Error) sse.Event {
	return sse.Event{Name: toyError, Data: []byte(err.Code)}
}

type toyGatherer struct{ strings.Builder }

func (g *toyGatherer) Add(deltas ...dialect.Delta) error {
	for _, d := range deltas {
		g.WriteString(d.Text)
	}
	return nil
}

func (g *toyGatherer) Whole(end dialect.End) ([]byte, error) { return toyResult(g.String(), end), nil }

func toyResult(text string, end dialect.End) []byte {
	b, _ := json.Marshal(generated{text, end.Reason, end.Usage.PromptTokens, end.Usage.CompletionTokens})
	return b
}
