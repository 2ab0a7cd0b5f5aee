package local_test

import (
	"context"
	"fmt"
	"log"

	"penstock/dialect"
	"penstock/engine"
	"penstock/llm/local"
)

func Example() {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	local.New(local.Options{Name: "smollm2", Path: "models/smollm2", MaxTokens: 512}).Register(e)
	<-e.Load(context.Background())
	defer e.Close()

	m, err := e.Model("smollm2")
	if err != nil {
		log.Fatal(err)
	}
	generate, _ := engine.GenerationOf[*dialect.Request, dialect.Delta](m, "generate")
	call, err := generate.Admit(engine.Caller{})
	if err != nil {
		log.Fatal(err)
	}
	defer call.Close()
	// A codec makes requests of bytes; this one is made by hand.
	prompt := &dialect.Prompt{Texts: []string{"A river is"}}
	r := dialect.NewRequest(dialect.Call{}, true, 1, func() (*dialect.Parameters, error) {
		return &dialect.Parameters{Prompt: prompt}, nil
	})
	end, err := generate.Run(context.Background(), call, r, func(deltas ...dialect.Delta) error {
		for _, d := range deltas {
			fmt.Print(d.Text)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(end.Reason(), end.Usage().CompletionTokens)
}
