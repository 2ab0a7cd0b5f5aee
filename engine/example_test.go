package engine_test

import (
	"context"
	"fmt"
	"strings"

	"penstock/engine"
)

// A model with one verb, which is admitted, loaded and called with its types.
func Example() {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 5, Queue: 100}})
	defer e.Close()
	m := e.Add("shout", engine.Lifecycle{Kind: "example"})
	shout := engine.Predicts(m, "predict", engine.Predictor[string, string, string, string]{
		Preprocess:  func(_ context.Context, in string) (string, error) { return strings.TrimSpace(in), nil },
		Predict:     func(_ context.Context, in string) (string, error) { return strings.ToUpper(in), nil },
		Postprocess: func(_ context.Context, out string) (string, error) { return out + "!", nil },
	})
	ctx := context.Background()
	<-e.Load(ctx)

	call, err := shout.Admit(engine.Caller{Name: "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer call.Close()
	out, err := shout.Do(ctx, call, " hello ")
	fmt.Println(out, err)
	// Output: HELLO! <nil>
}
