package clip_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"penstock/clip"
	"penstock/engine"
)

// Labels of a picture in a file, and of one at an address.
func Example() {
	ctx := context.Background()
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1, Queue: 100}})
	defer e.Close()
	m := clip.New(clip.Options{Name: "clip", Path: "models/clip-tiny", Labels: []string{"a cat", "a dog"}})
	predict := m.Register(e)
	<-e.Load(ctx)

	picture, err := os.ReadFile("cat.jpg")
	if err != nil {
		log.Fatal(err)
	}
	call, err := predict.Admit(engine.Caller{Name: "example"})
	if err != nil {
		log.Fatal(err)
	}
	defer call.Close()
	result, err := predict.Do(ctx, call, clip.Request{Pictures: []clip.Picture{
		{Data: picture},
		{URL: "https://example.com/dog.jpg"},
	}})
	if err != nil {
		log.Fatal(err)
	}
	for _, probabilities := range result.Probabilities {
		fmt.Println(result.Labels, probabilities)
	}
}
