package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"penstock/test/testmodel"
)

// chunkCost measures the CPU that a chunk takes with a number of readers on its stream. The streams
// that run at once make 10,000 writes a second: a server that sleeps in between would spend more on
// waking up than on the chunks.
func chunkCost(ctx context.Context, s *server) error {
	total := 0
	for _, l := range []struct {
		readers, streams int
		task             testmodel.Task // of each stream
	}{
		{0, 200, testmodel.Task{Words: 500, Pause: "20ms"}},
		{1, 200, testmodel.Task{Words: 500, Pause: "20ms"}},
		{10, 50, testmodel.Task{Words: 200, Pause: "50ms"}},
		{1000, 1, testmodel.Task{Words: 100, Pause: "100ms"}},
	} {
		var paths []string
		for range l.streams {
			path, err := s.create(ctx, testmodel.Name, l.task.JSON())
			if err != nil {
				return err
			}
			paths = append(paths, path)
		}
		readers, err := openReaders(l.readers*l.streams, func(i int) (*reader, error) {
			return s.open(ctx, http.MethodGet, paths[i%len(paths)], "")
		})
		if err != nil {
			return err
		}
		before, err := s.usage(cpuUsage)
		if err != nil {
			return err
		}
		done, err := s.chunks(ctx)
		if err != nil {
			return err
		}
		total += l.task.Words * l.streams
		if err := finish(ctx, s, readers, total); err != nil {
			return err
		}
		after, err := s.usage(cpuUsage)
		if err != nil {
			return err
		}
		cost := float64((after.CPU - before.CPU).Nanoseconds()) / 1e3 / float64(total-done)
		fmt.Printf("a chunk with %d readers: %.1f µs of CPU", l.readers, cost)
		if l.readers > 1 {
			fmt.Printf(", %.1f µs a reader", cost/float64(l.readers))
		}
		fmt.Println()
	}
	return nil
}

// chunks returns how many chunks the test model has generated.
func (s *server) chunks(ctx context.Context) (int, error) {
	r, err := s.open(ctx, http.MethodGet, "/metrics", "")
	if err != nil {
		return 0, err
	}
	defer r.conn.Close()
	body, err := io.ReadAll(r.response.Body)
	if err != nil {
		return 0, fmt.Errorf("read the metrics: %w", err)
	}
	_, rest, _ := strings.Cut(string(body), "penstock_stream_chunks_total{model=\"testmodel\"} ")
	value, _, _ := strings.Cut(rest, "\n")
	return strconv.Atoi(value)
}

// finish reads to the end with all readers, and returns when the model has generated that many
// chunks.
func finish(ctx context.Context, s *server, readers []*reader, total int) error {
	defer closeAll(readers)
	var wait sync.WaitGroup
	errs := make([]error, len(readers))
	for i, r := range readers {
		wait.Go(func() { errs[i] = r.read(func(testmodel.Event) bool { return true }) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		if n, err := s.chunks(ctx); err != nil || n >= total {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// spread measures how long a chunk takes to the first, the middle and the last of a thousand
// readers.
func spread(ctx context.Context, s *server) error {
	const readers, chunks = 1000, 100
	path, err := s.create(ctx, testmodel.ClockName, strconv.Itoa(2*chunks))
	if err != nil {
		return err
	}
	opened, err := openReaders(readers, func(int) (*reader, error) { return s.open(ctx, http.MethodGet, path, "") })
	if err != nil {
		return err
	}
	defer closeAll(opened)
	took := map[int64][]time.Duration{} // by the chunk's number
	errs := make([]error, readers)
	var mu sync.Mutex
	var wait sync.WaitGroup
	for i, r := range opened {
		wait.Go(func() {
			errs[i] = r.read(func(ev testmodel.Event) bool {
				written, err := strconv.ParseInt(ev.Data, 10, 64)
				if ev.Name != "" || err != nil {
					return true
				}
				late := time.Since(time.Unix(0, written))
				mu.Lock()
				defer mu.Unlock()
				took[ev.Seq] = append(took[ev.Seq], late)
				return true
			})
		})
	}
	wait.Wait()
	var first, middle, last []time.Duration
	for seq, list := range took {
		if len(list) == readers && seq > chunks { // by then all readers are open
			slices.Sort(list)
			first, middle, last = append(first, list[0]), append(middle, list[readers/2]), append(last, list[readers-1])
		}
	}
	median := func(list []time.Duration) time.Duration {
		slices.Sort(list)
		return list[len(list)/2].Round(10 * time.Microsecond)
	}
	if len(last) == 0 {
		return errors.Join(append(errs, errors.New("no chunk reached all readers"))...)
	}
	fmt.Printf("a chunk reaches the first of %d readers in %v, to the 500th in %v, to the last in %v (medians of %d chunks; p99 of the last %v)\n",
		readers, median(first), median(middle), median(last), len(last), last[len(last)*99/100].Round(10*time.Microsecond))
	return errors.Join(errs...)
}
