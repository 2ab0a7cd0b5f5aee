package gateway_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http/httptest"
	"strings"

	"penstock/engine"
	"penstock/gateway"
)

func Example() {
	logger := slog.New(slog.DiscardHandler)
	metrics := gateway.NewMetrics("v1.0.0", logger)
	e := engine.New(engine.Options{
		Gate: engine.GateConfig{Permits: 1}, Observer: metrics, Accept: gateway.AcceptVerb,
	})
	m := e.Add("echo", engine.Lifecycle{Kind: "example"})
	type input struct {
		Text string `json:"text"`
	}
	engine.Generates(m, "stream", engine.Generator[input, []string, input]{
		Preprocess: func(_ context.Context, in input) ([]string, error) { return strings.SplitAfter(in.Text, " "), nil },
		Generate: func(_ context.Context, words []string, emit func(...input) error) (engine.End, error) {
			for _, w := range words {
				if err := emit(input{w}); err != nil {
					return engine.End{}, err
				}
			}
			return engine.Stopped(engine.Usage{}), nil
		},
	})
	<-e.Load(context.Background())
	g := gateway.New(gateway.Options{Engine: e, Metrics: metrics, Log: logger})

	// A server calls g.Serve with a listener; a Gateway is an http.Handler too.
	server := httptest.NewServer(g)
	defer server.Close()
	response, err := server.Client().Post(server.URL+"/v1/models/echo:predict", "application/json", strings.NewReader(`{"text":"Hello, world"}`))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(body))
	// Output: {"output":"Hello, world","reason":"stop","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}
}
