package stream_test

import (
	"context"
	"fmt"
	"time"

	"penstock/sse"
	"penstock/stream"
)

// printer is a sink that prints.
type printer struct{}

func (printer) Ready(int) bool                  { return false }
func (printer) Notice(stream.Notice, bool) bool { return true }

func (printer) Events(events []sse.Event, first int64, _ bool) bool {
	for i, e := range events {
		fmt.Println(first+int64(i), string(e.Data))
	}
	return true
}

func (printer) End(t stream.Terminal, number int64) bool {
	fmt.Println(number, t.Outcome)
	return true
}

// A stream is written, and read from after its first event.
func Example() {
	streams := stream.New(stream.Options{})
	defer streams.Close()
	ctx, producer, err := streams.Create(context.Background(), stream.Config{
		Info: stream.Info{Model: "m"}, Lease: time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"one", "two", "three"} {
		if err := producer.Append(ctx, []sse.Event{{Data: []byte(text)}}); err != nil {
			fmt.Println(err)
		}
	}
	producer.End(ctx, stream.Terminal{Outcome: stream.OutcomeDone})

	if err := producer.Stream().Serve(context.Background(), 1, 0, printer{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 2 two
	// 3 three
	// 4 done
}
