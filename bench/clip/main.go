// Command clip compares, on one machine and in one run, what serving CLIP costs: a bare loop of preprocessing and runs
// without any server (BenchmarkBare in ./clip), Penstock, and the same model in Python (server.py: transformers' image
// processor and onnxruntime under FastAPI). Each has one thread a run and as many runs at once as there are cores.
//
//	make setup build .penstock/bench-clip/.installed
//	taskset -c 0,1 go run ./bench/clip -json docs/clip.json -svg docs/clip.svg
//
// It prints a table; -json and -svg write the figures and a plot of them, which docs/models.md shows. Without the Python of -python that is left out.
// Who asks is part of the run and takes time of the same cores: 16 clients, each of which posts a picture, waits for its
// answer, and posts the next. Others who use the machine make the figures noisy: the rounds are interleaved, every figure
// is the median of its rounds, and what counts are ratios.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"penstock/bench/internal/plot"
)

// longest bounds the whole run.
const longest = time.Hour

const usage = `clip compares what serving CLIP costs: a bare loop without a server, Penstock, and the same model in Python.
Started in the repository's root, after "make setup build" and, for Python, which is left out where it is missing,
"make .penstock/bench-clip/.installed":

  taskset -c 0,1 go run ./bench/clip -json docs/clip.json -svg docs/clip.svg

`

// settings are the command line's.
type settings struct {
	rounds, clients  int
	turn             time.Duration
	penstock, python string
}

func main() {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 5, "how often everything is measured")
	flag.IntVar(&s.clients, "clients", 16, "how many ask at one time")
	flag.DurationVar(&s.turn, "turn", 8*time.Second, "how long each is measured in a round")
	flag.StringVar(&s.penstock, "penstock", "./penstock", "Penstock's binary, built before")
	flag.StringVar(&s.python, "python", ".penstock/bench-clip/bin/python", "a Python with what requirements.txt names")
	jsonFile := flag.String("json", "", "where to write the figures")
	svgFile := flag.String("svg", "", "where to draw the plot")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := compare(ctx, s, *jsonFile, *svgFile); err != nil {
		fmt.Fprintln(os.Stderr, "clip:", err)
		os.Exit(1)
	}
}

func compare(ctx context.Context, s settings, jsonFile, svgFile string) (err error) {
	subjects, stop, err := start(ctx, s)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	r := report{Clients: s.clients, Subjects: make([]result, len(subjects))}
	for i, sub := range subjects {
		r.Subjects[i].Name = sub.name
	}
	for round := range s.rounds {
		for i, sub := range subjects {
			turn, err := sub.measure(ctx, s)
			if err != nil {
				return fmt.Errorf("%s: %w", sub.name, err)
			}
			r.Subjects[i].Turns = append(r.Subjects[i].Turns, turn)
			fmt.Fprintf(os.Stderr, "round %d of %d: %s: %s\n", round+1, s.rounds, sub.name, turn)
		}
	}
	r.summarise()
	fmt.Print(r.text())
	return plot.Write(&r, jsonFile, svgFile)
}
