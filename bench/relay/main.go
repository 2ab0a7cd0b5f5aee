// Command relay compares relays of OpenAI's streams on one machine, in one run: no relay at all,
// the least that net/http allows, nginx, and Penstock, each between the same mock upstream and the
// same loads. It builds what it needs, and runs on Linux, whose /proc it reads. Run it in the
// repository's root:
//
//	make build && go run ./bench/relay
//
// It prints a table, and with -json and -svg writes the figures and a plot of them. A relay that is
// not installed is left out, with a message. Other processes on the machine make the figures noisy:
// the relays take turns in every round, every figure is the median of its rounds, and the ratios
// are what counts.
//
// It also compares builds of Penstock with each other, which shows what a change costs:
//
//	go run ./bench/relay -penstock before=/tmp/before -penstock after=/tmp/after -others=false \
//		-rounds 9 -only steady50,steady500,burst,idle500 -idle 2s -burst 40000
//
// That takes less than nine minutes. Ratios are then to the first build, and after them stand the
// quartiles of the rounds' own ratios.
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
	"slices"
	"strings"
	"syscall"
	"time"

	"penstock/bench/internal/plot"
)

// longest bounds the whole run.
const longest = time.Hour

// settings are the command line's.
type settings struct {
	rounds int
	loads  []load
	builds builds
	others bool
	json   string
	svg    string
}

// builds are the -penstock flags.
type builds []build

// build is a binary of Penstock.
type build struct{ name, path string }

// String implements flag.Value.
func (b *builds) String() string { return "" }

// Set implements flag.Value: NAME=PATH, or a path alone.
func (b *builds) Set(value string) error {
	name, path, named := strings.Cut(value, "=")
	if !named {
		name, path = penstock, value
	}
	if slices.ContainsFunc(*b, func(other build) bool { return other.name == name }) {
		return fmt.Errorf("two builds have the name %q: use -penstock NAME=PATH", name)
	}
	*b = append(*b, build{name, path})
	return nil
}

func main() {
	s, err := parse()
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := compare(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

// parse reads the command line.
func parse() (settings, error) {
	var s settings
	flag.Var(&s.builds, "penstock", "a binary of Penstock, as `NAME=PATH` or a path; may be repeated (default ./penstock)")
	flag.BoolVar(&s.others, "others", true, "measure no relay, the bare relay and nginx too")
	flag.IntVar(&s.rounds, "rounds", 3, "how often everything is measured")
	only := flag.String("only", "", "loads to measure, such as steady50,burst (default all)")
	steady := flag.Duration("steady", 6*time.Second, "duration of the loads steady50 and steady500")
	idle := flag.Duration("idle", 5*time.Second, "time between the two chunks of the loads idle500 and idle2000")
	burst := flag.Int("burst", 10000, "chunks of each stream of the load burst")
	flag.StringVar(&s.json, "json", "", "file for the figures")
	flag.StringVar(&s.svg, "svg", "", "file for the plot")
	flag.Parse()
	if len(s.builds) == 0 {
		s.builds = builds{{penstock, "./penstock"}}
	}
	var err error
	s.loads, err = chosen(allLoads(*steady, *idle, *burst), *only)
	return s, err
}

func compare(ctx context.Context, s settings) (err error) {
	dir, err := os.MkdirTemp("", "relay-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), "./bench/sseload", "./bench/barerelay")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the load generator and the bare relay: %w\n%s", err, out)
	}
	b, err := newBench(ctx, dir, s)
	if err != nil {
		return err
	}
	defer b.close()

	table := newTable(s.rounds, b.relays)
	for round := range s.rounds {
		for _, l := range s.loads {
			relays := slices.Clone(b.relays)
			if round%2 == 1 { // so that a drift of the machine's speed favors none
				slices.Reverse(relays)
			}
			for _, r := range relays {
				figures, err := b.measure(ctx, r, l)
				if err != nil && ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err != nil { // the table has no figure then
					fmt.Fprintf(os.Stderr, "%s, %s: %v\n", r.name, l.name, err)
				}
				table.add(r.name, l.name, figures)
				fmt.Fprintf(os.Stderr, "round %d of %d: %s, %s: %s\n", round+1, s.rounds, l.name, r.name, describe(figures))
			}
		}
	}
	report := table.report()
	report.loads = s.loads
	fmt.Print(report.text())
	return plot.Write(report, s.json, s.svg)
}

// chosen picks loads by name.
func chosen(all []load, only string) ([]load, error) {
	if only == "" {
		return all, nil
	}
	var list []load
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(l load) bool { return l.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no load %q", name)
		}
		list = append(list, all[i])
	}
	return list, nil
}
