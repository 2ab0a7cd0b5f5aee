package relays

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Relay is a program that can stand between clients and the upstream.
type Relay struct {
	Name string
	// Command returns the command that listens on a port of 127.0.0.1, with its files in dir; nil:
	// no relay at all.
	Command func(ctx context.Context, dir string, port, upstream int) (*exec.Cmd, error)
	Chat    string // the path of chats; "": /v1/chat/completions
	Embed   string // the path of embeddings; "": /v1/embeddings
	Ours    bool   // has bars of another color
}

// Comparison is what is compared, and under which loads.
type Comparison struct {
	Rounds  int
	Relays  []Relay  // in the order of the table's columns
	Base    string   // the relay that ratios are to
	Loads   []Load   // in the order in which they are measured
	Metrics []Metric // in the order of the table's rows
	Title   string   // what the plot shows, for screen readers
}

// Run measures every relay in every round, and describes each measurement on standard error. What
// fails has no figure, and is described there too. The packages are built by go build, in a folder
// in which each relay's Command finds them by their names.
func (c Comparison) Run(ctx context.Context, packages ...string) (_ Report, err error) {
	dir, err := os.MkdirTemp("", "relays-")
	if err != nil {
		return Report{}, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	args := append([]string{"build", "-o", dir + string(filepath.Separator), "./bench/sseload"}, packages...)
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return Report{}, fmt.Errorf("build the load generator and the relays: %w\n%s", err, out)
	}
	b := &bench{dir: dir}
	b.mock, err = b.launch(ctx, func(port int) (*exec.Cmd, error) {
		return exec.CommandContext(ctx, filepath.Join(dir, "sseload"), "mock", "-port", strconv.Itoa(port)), nil
	})
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, b.mock.stop()) }()

	t := table{Comparison: c, values: map[cell][]float64{}}
	for round := range c.Rounds {
		for _, l := range c.Loads {
			relays := slices.Clone(c.Relays)
			if round%2 == 1 { // so that a drift of the machine's speed favors none
				slices.Reverse(relays)
			}
			for _, r := range relays {
				figures, err := b.measure(ctx, r, l)
				if err != nil && ctx.Err() != nil {
					return Report{}, context.Cause(ctx)
				}
				if err != nil { // the table has no figure then
					fmt.Fprintf(os.Stderr, "%s, %s: %v\n", r.Name, l.Name, err)
				}
				t.add(r.Name, l.Name, figures)
				fmt.Fprintf(os.Stderr, "round %d of %d: %s, %s: %s\n", round+1, c.Rounds, l.Name, r.Name, describe(figures))
			}
		}
	}
	return t.report(), nil
}

// Chosen returns the loads with these names, separated by commas; "" chooses all.
func Chosen(all []Load, names string) ([]Load, error) {
	if names == "" {
		return all, nil
	}
	var list []Load
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(l Load) bool { return l.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no load %q", name)
		}
		list = append(list, all[i])
	}
	return list, nil
}
