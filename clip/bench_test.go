package clip

import (
	"cmp"
	"context"
	"os"
	"syscall"
	"testing"

	"penstock/clip/internal/limit"
)

// BenchmarkBare is preprocessing, a run of the vision tower and the labels' probabilities, without
// HTTP, an engine or batches. There are as many loops as cores, and each runs on one. bench/clip
// compares the server with it.
func BenchmarkBare(b *testing.B) {
	o := tiny(b)
	o.Path = cmp.Or(os.Getenv("MODEL"), o.Path)
	o.ONNX.Threads = 1
	m := New(o)
	if err := m.load(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer m.close()
	picture := photo(b, "cat_chelsea.jpg")
	b.ReportAllocs()
	before := processorTime(b)
	b.ResetTimer()
	b.RunParallel(func(loop *testing.PB) {
		rgb := make([]byte, m.towers.pictureSize())
		for loop.Next() {
			if err := m.processor.Process(context.Background(), new(limit.Holder), picture, rgb); err != nil {
				b.Error(err)
				return
			}
			image, err := m.towers.images(context.Background(), 1, func(_ int, tensor []float32) { m.processor.Normalise(rgb, tensor) })
			if err != nil {
				b.Error(err)
				return
			}
			softmax(m.logits(image.at(0), m.labels.defaults))
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// processorTime is the CPU time that this process has used, in nanoseconds.
func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
