package main

import (
	"context"
	"fmt"
	"net/http"

	"penstock/test/testmodel"
)

// hold is the input of a stream of one word that stays open for as long as it has a reader.
var hold = testmodel.Task{Words: 1, End: "hold"}

// opener opens the i-th of several readers.
type opener func(i int) (*reader, error)

func posted(ctx context.Context, s *server) (opener, error) {
	return func(int) (*reader, error) {
		return s.open(ctx, http.MethodPost, "/v1/models/testmodel/stream", hold.JSON())
	}, nil
}

func gotten(ctx context.Context, s *server) (opener, error) {
	return func(int) (*reader, error) {
		return s.open(ctx, http.MethodGet, "/v1/models/testmodel/stream?"+hold.Query(), "")
	}, nil
}

func readersOfOne(ctx context.Context, s *server) (opener, error) {
	path, err := s.create(ctx, testmodel.Name, hold.JSON())
	return func(int) (*reader, error) { return s.open(ctx, http.MethodGet, path, "") }, err
}

// memoryOf opens that many connections, on which nothing is sent then, and prints the memory that
// each takes.
func memoryOf(ctx context.Context, s *server, n int, what string, kind func(context.Context, *server) (opener, error)) error {
	open, err := kind(ctx, s)
	if err != nil {
		return err
	}
	warm, err := openReaders(100, open)
	if err != nil {
		return err
	}
	defer closeAll(warm)
	before, err := s.usage(memoryUsage)
	if err != nil {
		return err
	}
	readers, err := openReaders(n-len(warm), open)
	if err != nil {
		return err
	}
	defer closeAll(readers)
	after, err := s.usage(memoryUsage)
	if err != nil {
		return err
	}
	each := func(a, b int64) float64 { return float64(b-a) / float64(len(readers)) / 1024 }
	fmt.Printf("%d %s: %.1f KiB each (resident; %.1f of heap, %.1f of stacks)\n",
		n, what, each(before.Resident, after.Resident), each(before.Heap, after.Heap), each(before.Stack, after.Stack))
	return nil
}

// logs keeps finished streams, and prints the memory that each of their logs takes beside its data.
func logs(ctx context.Context, s *server) error {
	const n = 2000
	last := 0.0
	for _, words := range []int{0, 100} {
		task := testmodel.Task{Words: words, Pad: 20}
		before, err := s.usage(memoryUsage)
		if err != nil {
			return err
		}
		data := 0
		for range n {
			path, err := s.create(ctx, testmodel.Name, task.JSON())
			if err != nil {
				return err
			}
			r, err := s.open(ctx, http.MethodGet, path, "")
			if err != nil {
				return err
			}
			err = r.read(func(ev testmodel.Event) bool {
				if ev.Name == "" {
					data += len(ev.Data)
				}
				return true
			})
			r.conn.Close()
			if err != nil {
				return err
			}
		}
		after, err := s.usage(memoryUsage)
		if err != nil {
			return err
		}
		each := float64(after.Heap-before.Heap) / n
		fmt.Printf("%d finished streams of %d chunks: %.0f bytes each, of which %d are data", n, words, each, data/n)
		if words > 0 {
			fmt.Printf("; %.0f bytes a chunk beside its data", (each-last-float64(data)/n)/float64(words))
		}
		fmt.Println()
		last = each
	}
	return nil
}
