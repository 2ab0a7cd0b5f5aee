// Command clip compares, on one machine and in one run, what serving CLIP costs: a bare loop of
// preprocessing and inference without a server (BenchmarkBare in ./clip), Penstock, and the same
// model in Python (server.py: transformers' image processor and onnxruntime under FastAPI). Each
// uses one thread for a run and as many concurrent runs as there are cores.
//
//	make setup build .penstock/bench-clip/.installed
//	taskset -c 0,1 go run ./bench/clip -json docs/clip.json -svg docs/clip.svg
//
// With -with, Penstock is measured with other settings, once for each, and -model names another
// model, such as the one of ViT-B/32's size that make.py makes. The cosine is of the photos'
// vectors with those of the first settings:
//
//	go run ./bench/clip -model /tmp/vit -with dtype=fp32 -with "batch=1 threads=1 permits=2"
//
// It prints a table; -json and -svg write the figures and a plot of them, which docs/models.md
// shows. Without the Python of -python, Python is left out. The clients are part of the run and use
// the same cores: each of 16 posts a photo, waits for the response, and posts the next. Other
// processes on the machine make the figures noisy: the rounds are interleaved, every figure is the
// median of its rounds, and the ratios are what counts.
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
	duration         time.Duration
	penstock, python string
	model            string    // its folder
	variants         []variant // none: Penstock as it is
}

func main() {
	var s settings
	flag.IntVar(&s.rounds, "rounds", 5, "how often everything is measured")
	flag.IntVar(&s.clients, "clients", 16, "concurrent clients")
	flag.DurationVar(&s.duration, "duration", 8*time.Second, "how long each subject is measured in a round")
	flag.StringVar(&s.penstock, "penstock", "./penstock", "Penstock's binary")
	flag.StringVar(&s.python, "python", ".penstock/bench-clip/bin/python", "a Python with the packages of requirements.txt")
	flag.StringVar(&s.model, "model", "models/clip-tiny", "the model's folder")
	flag.Func("with", `measure Penstock with these settings, such as "dtype=q8 threads=1 permits=2 batch=8"; may be given again`, func(text string) error {
		v, err := parseVariant(text)
		s.variants = append(s.variants, v)
		return err
	})
	jsonFile := flag.String("json", "", "file for the figures")
	svgFile := flag.String("svg", "", "file for the plot")
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
		r.Subjects[i].Cosine = cosine(subjects[min(1, len(subjects)-1)].vectors, sub.vectors)
	}
	for round := range s.rounds {
		for i, sub := range subjects {
			sample, err := sub.measure(ctx, s)
			if err != nil {
				return fmt.Errorf("%s: %w", sub.name, err)
			}
			r.Subjects[i].Samples = append(r.Subjects[i].Samples, sample)
			fmt.Fprintf(os.Stderr, "round %d of %d: %s: %s\n", round+1, s.rounds, sub.name, sample)
		}
	}
	r.summarize()
	fmt.Print(r.text())
	return plot.Write(&r, jsonFile, svgFile)
}
