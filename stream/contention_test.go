package stream_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"penstock/sse"
	"penstock/stream"
)

// BenchmarkThousandStreams appends to a thousand logs from as many goroutines, each log with a
// reader: all in one store, whose one lock they share, and each in a store of its own, which is
// what sharding could bring at best.
func BenchmarkThousandStreams(b *testing.B) {
	const streams = 1000
	for _, shared := range []bool{true, false} {
		name := "one store"
		if !shared {
			name = "a store each"
		}
		b.Run(name, func(b *testing.B) {
			one := stream.NewMemoryLogs(1<<30, nil)
			each := max(1, b.N/streams)
			var all sync.WaitGroup
			for i := range streams {
				logs := one
				if !shared {
					logs = stream.NewMemoryLogs(1<<20, nil)
				}
				l := newLog(b, logs, strconv.Itoa(i), 64<<10)
				news := make(chan struct{}, 1)
				cursor, err := l.Follow(b.Context(), 0, news)
				if err != nil {
					b.Fatal(err)
				}
				all.Go(func() {
					event := []sse.Event{{Data: fmt.Appendf(nil, "a token of stream %d", i)}}
					for range each {
						l.add(b, event)
					}
					l.seal(b)
				})
				all.Go(func() {
					defer cursor.Close()
					var spare []sse.Event
					for range news {
						batch, err := cursor.Take(spare)
						if err != nil || batch.Terminal != nil {
							return // a reader that has fallen behind the buffer is gone
						}
						spare = batch.Events
					}
				})
			}
			all.Wait()
		})
	}
}
