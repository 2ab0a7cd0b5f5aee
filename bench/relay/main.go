// Command relay compares relays of OpenAI's streams on one machine, in one run: no relay at all, the barest that net/http
// allows, nginx, and Penstock, each before the same mock upstream and under the same loads. It builds what it needs, and
// wants Linux, whose /proc it reads. Started in the repository's root:
//
//	go build . && go run ./bench/relay
//
// It prints a table, and with -json and -svg writes the figures and a plot of them. A relay that is not there is left
// out, with a word why. Others who use the machine make the figures noisy: rounds are interleaved, every figure is the
// median of its rounds, and what counts is its ratio to the bare relay's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"penstock/bench/internal/plot"
)

// longest bounds the whole run.
const longest = time.Hour

func main() {
	rounds := flag.Int("rounds", 3, "how often everything is measured")
	only := flag.String("only", "", "loads to measure, such as steady50,burst; none: all")
	binary := flag.String("penstock", "./penstock", "Penstock's binary, built before")
	jsonFile := flag.String("json", "", "where to write the figures")
	svgFile := flag.String("svg", "", "where to draw the plot")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := compare(ctx, *rounds, *only, *binary, *jsonFile, *svgFile); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func compare(ctx context.Context, rounds int, only, binary, jsonFile, svgFile string) (err error) {
	loads, err := chosen(only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "relay-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), "./bench/sseload", "./bench/barerelay")
	if words, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the load and the bare relay: %w\n%s", err, words)
	}
	b, err := newBench(ctx, dir, binary)
	if err != nil {
		return err
	}
	defer b.close()

	table := newTable(rounds)
	for round := range rounds {
		for _, l := range loads {
			for _, r := range b.relays {
				figures, err := b.measure(ctx, r, l)
				if err != nil && ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err != nil { // one relay's failure is a hole in the table
					fmt.Fprintf(os.Stderr, "%s, %s: %v\n", r.name, l.name, err)
				}
				table.add(r.name, l.name, figures)
				fmt.Fprintf(os.Stderr, "round %d of %d: %s, %s: %s\n", round+1, rounds, l.name, r.name, describe(figures))
			}
		}
	}
	report := table.report()
	fmt.Print(report.text())
	return plot.Write(report, jsonFile, svgFile)
}

// chosen picks loads by name.
func chosen(only string) ([]load, error) {
	if only == "" {
		return loads, nil
	}
	var list []load
	for name := range strings.SplitSeq(only, ",") {
		found := false
		for _, l := range loads {
			if l.name == name {
				list, found = append(list, l), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no load %q", name)
		}
	}
	return list, nil
}
