// Command streams measures what streams cost: memory for each open stream, each reader and each
// log, CPU for each chunk with 1, 10 and 1,000 readers, and how long a chunk takes to the last of
// 1,000.
//
//	go run ./bench/streams             everything; with -idle 2000 fewer open streams
//
// The engine and the gateway are the real ones, in a process of their own (this program, as
// "streams serve"), with test/testmodel and a model that writes the time. The readers are in this
// process, since both together need more file descriptors than one process may have. All run on
// 127.0.0.1 and on the same cores: the times are upper bounds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		err = serve(context.WithoutCancel(ctx)) // it ends with its standard input
	} else {
		idle := flag.Int("idle", 10000, "how many idle streams to open")
		flag.Parse()
		err = measure(ctx, *idle)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "streams:", err)
		os.Exit(1)
	}
}

// measure takes all measurements, each with a server that has just been started, and prints a line
// for each figure.
func measure(ctx context.Context, idle int) error {
	measures := []func(context.Context, *server) error{
		func(ctx context.Context, s *server) error {
			return memoryOf(ctx, s, idle, "idle streams of POST …/stream", posted)
		},
		func(ctx context.Context, s *server) error {
			return memoryOf(ctx, s, idle, "idle streams of GET …/stream", gotten)
		},
		func(ctx context.Context, s *server) error {
			return memoryOf(ctx, s, idle, "idle readers of one stream", readersOfOne)
		},
		logs,
		chunkCost,
		spread,
	}
	for _, m := range measures {
		s, err := start(ctx)
		if err != nil {
			return err
		}
		if err := errors.Join(m(ctx, s), s.stop()); err != nil {
			return err
		}
	}
	return nil
}
