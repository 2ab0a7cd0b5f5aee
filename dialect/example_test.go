package dialect_test

import (
	"fmt"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/sse"
)

// A request is decoded and its model's deltas are encoded by the same codec. A model that has the
// parameters needs no dialect.
func Example() {
	codec := dialect.NewNative()
	r, err := codec.Decode(dialect.Input{Body: []byte(`{"prompt": "Say hello.", "max_tokens": 5}`)})
	if err != nil {
		fmt.Println(codec.Error(err, "request-1").Status)
		return
	}
	p, err := r.Parameters()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s (at most %d tokens)\n\n", p.Messages[0].Content, *p.MaxTokens)

	encoder := codec.Stream(r)
	events, err := encoder.Encode(nil, []dialect.Delta{{}, {Text: "Hel"}, {Text: "lo."}})
	if err == nil {
		events, err = encoder.End(events, dialect.End{Reason: "stop", Usage: dialect.Usage{PromptTokens: 3, CompletionTokens: 2}})
	}
	if err != nil {
		events = append(events, encoder.Fail(apierr.From(err)))
	}
	for _, e := range events {
		fmt.Print(string(e.Append(nil, sse.ID{})))
	}
	// Output:
	// Say hello. (at most 5 tokens)
	//
	// data: {"text":"Hel"}
	//
	// data: {"text":"lo."}
	//
	// event: done
	// data: {"reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}
}
