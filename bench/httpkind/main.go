// Command httpkind measures what models of kind http cost beside models of kind openai and beside a
// proxy of the standard library (net/http/httputil), each in front of the same mock upstream, in
// one run. The three send it the same requests: for embeddings, which are whole results, and for
// streams. It builds what it needs, ends by itself, and runs on Linux. In the repository's root:
//
//	make build && go run ./bench/httpkind
//
// It prints a table, and with -json and -svg writes the figures and a plot of them, which
// docs/costs.md shows. What makes figures of such a run comparable is in bench/internal/relays.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"penstock/bench/internal/plot"
	"penstock/bench/internal/relays"
)

// longest bounds the whole run.
const longest = time.Hour

// settings are the command line's.
type settings struct {
	penstock string
	rounds   int
	loads    []relays.Load
	json     string
	svg      string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := command(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "httpkind:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context) error {
	if len(os.Args) == 4 && os.Args[1] == "proxy" {
		return proxy(ctx, os.Args[2], os.Args[3])
	}
	var s settings
	flag.StringVar(&s.penstock, "penstock", "./penstock", "Penstock's binary")
	flag.IntVar(&s.rounds, "rounds", 5, "how often everything is measured")
	only := flag.String("only", "", "loads to measure, such as predict,burst (default all)")
	requests := flag.Int("requests", 20000, "requests of the load predict")
	steady := flag.Duration("steady", 6*time.Second, "duration of the load steady")
	burst := flag.Int("burst", 10000, "chunks of each stream of the load burst")
	idle := flag.Duration("idle", 3*time.Second, "time between the two chunks of the load idle")
	flag.StringVar(&s.json, "json", "", "file for the figures")
	flag.StringVar(&s.svg, "svg", "", "file for the plot")
	flag.Parse()
	const pause = 10 * time.Millisecond
	var err error
	s.loads, err = relays.Chosen([]relays.Load{
		{Name: "predict", What: "predicts (embeddings), 8 at a time", Requests: *requests, Clients: 8, Embed: true},
		{Name: "steady", What: "50 streams, a chunk every 10 ms", Streams: 50, Chunks: int(*steady / pause), Interval: pause},
		{Name: "burst", What: "50 streams without pauses", Streams: 50, Chunks: *burst},
		{Name: "idle", What: "1,000 open streams", Streams: 1000, Chunks: 2, Interval: *idle},
	}, *only)
	if err != nil {
		return err
	}
	return compare(ctx, s)
}

func compare(ctx context.Context, s settings) error {
	list, err := compared(s.penstock)
	if err != nil {
		return err
	}
	report, err := relays.Comparison{
		Rounds: s.rounds, Relays: list, Base: bare, Loads: s.loads,
		Metrics: []relays.Metric{
			{Load: "predict", Name: relays.CPUPerRequest, Unit: "µs"},
			{Load: "steady", Name: relays.CPUPerChunk, Unit: "µs"},
			{Load: "burst", Name: relays.CPUPerChunk, Unit: "µs"},
			{Load: "idle", Name: relays.MemoryPerStream, Unit: "KiB"},
		},
		Title: "What models of kind http cost: processor time and memory beside kind openai and a proxy of net/http/httputil.",
	}.Run(ctx, "./bench/httpkind")
	if err != nil {
		return err
	}
	fmt.Print(report.Text())
	return plot.Write(report, s.json, s.svg)
}
