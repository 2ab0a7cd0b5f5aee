package dialect_test

import (
	"strings"
	"testing"

	"penstock/dialect"
	"penstock/sse"
)

// A chunk of many tiny values would take many times its size to decode; a long text does not.
func TestAChunkOfManyTinyValuesIsRefused(t *testing.T) {
	codec := dialect.NewNative()
	r, err := codec.Decode(dialect.Input{Body: []byte(`{"prompt":"hi"}`)})
	if err != nil {
		t.Fatal(err)
	}
	for data, refused := range map[string]bool{
		`{"choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", 1<<20) + `"}}]}`:                               false,
		`{"choices":[{"index":0,"delta":{"tool_calls":[` + strings.TrimSuffix(strings.Repeat(`{},`, 1<<18), ",") + `]}}]}`: true,
	} {
		reader := dialect.OpenAIRemote(r).Reader(r, false)
		event := sse.Event{Data: []byte(data)}
		reader.Read(event)
		if _, err := reader.Deltas(nil, event); (err != nil) != refused {
			t.Errorf("%.60s: %v", data, err)
		}
	}
}
