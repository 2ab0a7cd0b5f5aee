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
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"penstock/bench/internal/plot"
	"penstock/bench/internal/relays"
)

// longest bounds the whole run.
const longest = time.Hour

// settings are the command line's.
type settings struct {
	rounds int
	loads  []relays.Load
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
	s.loads, err = relays.Chosen(allLoads(*steady, *idle, *burst), *only)
	return s, err
}

func compare(ctx context.Context, s settings) error {
	list, err := compared(s)
	if err != nil {
		return err
	}
	base := list[0].Name
	if s.others {
		base = bare
	}
	report, err := relays.Comparison{
		Rounds: s.rounds, Relays: list, Base: base, Loads: s.loads, Metrics: metrics,
		Title: "What relays of streams cost: processor time, memory and lateness of Penstock, a bare net/http relay and nginx.",
	}.Run(ctx, "./bench/barerelay")
	if err != nil {
		return err
	}
	fmt.Print(report.Text())
	return plot.Write(report, s.json, s.svg)
}
