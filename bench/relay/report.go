package main

import (
	"bufio"
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// table gathers what rounds bring.
type table struct {
	rounds int
	relays []string // in the order they came
	values map[cell][]float64
}

type cell struct{ relay, load, metric string }

func newTable(rounds int) *table {
	return &table{rounds: rounds, values: map[cell][]float64{}}
}

// add takes one measurement's figures; nil where it failed, which keeps the rounds in step.
func (t *table) add(relay, load string, figures map[string]float64) {
	if !slices.Contains(t.relays, relay) {
		t.relays = append(t.relays, relay)
	}
	for _, m := range metrics {
		if m.load != load {
			continue
		}
		value, ok := figures[m.name]
		if !ok {
			value = math.NaN()
		}
		at := cell{relay, load, m.name}
		t.values[at] = append(t.values[at], value)
	}
}

// report is a comparison's outcome.
type report struct {
	Date    string   `json:"date"`
	Machine string   `json:"machine"`
	Rounds  int      `json:"rounds"`
	Figures []figure `json:"figures"`
}

// figure is what one relay reached under one load.
type figure struct {
	Relay  string    `json:"relay"`
	Load   string    `json:"load"`
	Metric string    `json:"metric"`
	Unit   string    `json:"unit"`
	Median float64   `json:"median"`
	Ratio  float64   `json:"ratio,omitempty"` // to the bare relay's median; absent without one
	Rounds []float64 `json:"rounds"`          // the rounds' values, those that failed left out
}

func (t *table) report() report {
	r := report{Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Rounds: t.rounds}
	for _, m := range metrics {
		floor := math.NaN()
		for _, name := range t.relays {
			values := t.of(name, m)
			if len(values) == 0 {
				continue
			}
			f := figure{Relay: name, Load: m.load, Metric: m.name, Unit: m.unit, Median: median(values), Rounds: values}
			if name == bare {
				floor = f.Median
			}
			if ratio := f.Median / floor; !math.IsNaN(ratio) && !math.IsInf(ratio, 0) {
				f.Ratio = ratio
			}
			r.Figures = append(r.Figures, f)
		}
	}
	return r
}

// of returns the rounds' values of one figure, failures left out.
func (t *table) of(relay string, m metric) []float64 {
	if m.overDirect && relay == direct {
		return nil
	}
	var list []float64
	none := t.values[cell{direct, m.load, m.name}]
	for i, value := range t.values[cell{relay, m.load, m.name}] {
		if m.overDirect {
			value -= none[i]
		}
		if !math.IsNaN(value) {
			list = append(list, value)
		}
	}
	return list
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func machine() string {
	model := "unknown processor"
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores of %s, %s", runtime.NumCPU(), model, runtime.Version())
}

// text is a table to read: a row for each figure, a column for each relay.
func (r report) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	var names []string
	for _, f := range r.Figures {
		if !slices.Contains(names, f.Relay) {
			names = append(names, f.Relay)
		}
	}
	fmt.Fprintf(w, "load\tfigure\t%s\n", strings.Join(names, "\t"))
	for _, m := range metrics {
		fmt.Fprintf(w, "%s\t%s (%s)", m.load, m.name, m.unit)
		for _, name := range names {
			f, ok := r.figure(name, m)
			switch {
			case !ok:
				fmt.Fprint(w, "\t-")
			case f.Ratio == 0 || name == bare:
				fmt.Fprintf(w, "\t%.3g", f.Median)
			default:
				fmt.Fprintf(w, "\t%.3g (%.2f x)", f.Median, f.Ratio)
			}
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // into memory
	return fmt.Sprintf("%s; %s; medians of %d rounds, and their ratios to the bare relay's\n\n%s", r.Date, r.Machine, r.Rounds, b.String())
}

func (r report) figure(relay string, m metric) (figure, bool) {
	for _, f := range r.Figures {
		if f.Relay == relay && f.Load == m.load && f.Metric == m.name {
			return f, true
		}
	}
	return figure{}, false
}

// describe is one measurement's figures in a line.
func describe(figures map[string]float64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		parts = append(parts, fmt.Sprintf("%s %.3g", name, figures[name]))
	}
	return strings.Join(parts, ", ")
}
