package upstream_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"penstock/dialect"
	"penstock/engine"
	"penstock/llm/upstream"
	"penstock/llm/upstream/upstreamtest"
)

func Example() {
	// Any server with OpenAI's API.
	server := httptest.NewServer(upstreamtest.New(upstreamtest.Whole("gpt-4o-mini", 3)))
	defer server.Close()

	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	defer e.Close()
	m, err := upstream.Add(e, upstream.Config{
		Name: "gpt",
		Servers: []upstream.Server{{
			Name: "openai", BaseURL: server.URL + "/v1", APIKey: "key", Model: "gpt-4o-mini", Weight: 1,
		}},
		Timeouts: upstream.Timeouts{
			Connect: 5 * time.Second, FirstToken: 30 * time.Second, BetweenTokens: 30 * time.Second, Whole: 5 * time.Minute,
		},
		Gate: engine.GateConfig{Permits: 64, Queue: 100, Timeout: 30 * time.Second},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	<-e.Load(ctx)

	request, err := dialect.NewNative().Decode(dialect.Input{Body: []byte(`{"prompt":"Count."}`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	generate, _ := engine.GenerationOf[*dialect.Request, dialect.Delta](m, "generate")
	call, err := generate.Admit(engine.Caller{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer call.Close()
	end, err := generate.Run(ctx, call, request, func(deltas ...dialect.Delta) error {
		for _, d := range deltas {
			fmt.Print(d.Text)
		}
		return nil
	})
	fmt.Println(end.Reason(), err)
	// Output: w0 w1 w2 stop <nil>
}
