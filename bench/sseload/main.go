// Command sseload measures a relay of OpenAI's streams from outside: it is the relay's upstream and
// its clients. Everything runs on 127.0.0.1.
//
//	sseload mock -port 9100  an upstream: any number of chunks, one every interval
//	sseload run  -port 8080 -streams 50 -chunks 500 -interval 10ms  many streams at once
//	sseload ask  -port 8080 -requests 300  requests that do not stream, one at a time
//
// run checks every stream (all chunks, in order, once, then [DONE] or the event done), and with
// -pid reads from /proc the CPU per chunk and the memory per stream that the relay and its children
// take; ask reads the CPU per request. run and ask print one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// longest bounds every command, so that none outlives the process that has started it for long.
const longest = 30 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sseload:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("a command is missing: mock, run or ask")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	port := flags.Int("port", 9100, "port on 127.0.0.1")
	switch args[0] {
	case "mock":
		_ = flags.Parse(args[1:]) // exits on a mistake
		return mock(ctx, *port)
	case "run":
		var l load
		flags.StringVar(&l.path, "path", chatPath, "path of the requests")
		flags.StringVar(&l.model, "model", "mock", "model to request")
		flags.IntVar(&l.streams, "streams", 50, "concurrent streams")
		flags.IntVar(&l.chunks, "chunks", 500, "chunks of each stream")
		flags.DurationVar(&l.interval, "interval", 10*time.Millisecond, "time between two chunks; 0: none")
		flags.IntVar(&l.pid, "pid", 0, "process whose CPU and memory are read; 0: none")
		_ = flags.Parse(args[1:])
		return printed(l.run(ctx, *port))
	case "ask":
		var q questions
		flags.StringVar(&q.path, "path", chatPath, "path of the requests")
		flags.StringVar(&q.model, "model", "mock", "model to request")
		flags.BoolVar(&q.embed, "embed", false, "request embeddings, not chats")
		flags.IntVar(&q.requests, "requests", 300, "number of requests")
		flags.IntVar(&q.clients, "clients", 1, "connections that send them")
		flags.IntVar(&q.pid, "pid", 0, "process whose CPU is read; 0: none")
		_ = flags.Parse(args[1:])
		return printed(q.ask(ctx, *port))
	}
	return fmt.Errorf("%q is none of mock, run and ask", args[0])
}

// printed prints a result as one line of JSON.
func printed[T any](result T, err error) error {
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}
