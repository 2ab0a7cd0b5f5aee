package relays

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

// table collects the figures of all rounds.
type table struct {
	Comparison
	values map[cell][]float64
}

type cell struct{ relay, load, metric string }

// add adds one measurement's figures: nil if it failed, which keeps the rounds aligned.
func (t *table) add(relay, load string, figures map[string]float64) {
	for _, m := range t.Metrics {
		if m.Load != load {
			continue
		}
		value, ok := figures[m.Name]
		if !ok {
			value = math.NaN()
		}
		at := cell{relay, load, m.Name}
		t.values[at] = append(t.values[at], value)
	}
}

// Report is a comparison's result.
type Report struct {
	Date    string   `json:"date"`
	Machine string   `json:"machine"`
	Rounds  int      `json:"rounds"`
	Base    string   `json:"base"` // the relay that ratios are to
	Figures []Figure `json:"figures"`

	comparison Comparison
}

// Figure is one relay's figure under one load.
type Figure struct {
	Relay  string    `json:"relay"`
	Load   string    `json:"load"`
	Metric string    `json:"metric"`
	Unit   string    `json:"unit"`
	Median float64   `json:"median"`
	Ratio  float64   `json:"ratio,omitempty"`     // to the base's median
	Spread []float64 `json:"quartiles,omitempty"` // of the rounds' ratios
	Rounds []float64 `json:"rounds"`              // the rounds' values, without those that failed
}

func (t *table) report() Report {
	r := Report{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Rounds: t.Rounds, Base: t.Base,
		comparison: t.Comparison,
	}
	for _, m := range t.Metrics {
		base := t.of(r.Base, m)
		for _, relay := range t.Relays {
			name := relay.Name
			values := t.of(name, m)
			f := Figure{Relay: name, Load: m.Load, Metric: m.Name, Unit: m.Unit, Rounds: finite(values)}
			if len(f.Rounds) == 0 {
				continue
			}
			f.Median = quantile(f.Rounds, .5)
			if usable := finite(base); len(usable) > 0 && quantile(usable, .5) != 0 {
				f.Ratio = f.Median / quantile(usable, .5)
			}
			if ratios := finite(ratiosOf(values, base)); len(ratios) > 1 && name != r.Base {
				f.Spread = []float64{quantile(ratios, .25), quantile(ratios, .75)}
			}
			r.Figures = append(r.Figures, f)
		}
	}
	return r
}

// of returns the rounds' values of one figure, NaN for a failure; nil where there can be none.
func (t *table) of(relay string, m Metric) []float64 {
	values := slices.Clone(t.values[cell{relay, m.Load, m.Name}])
	if m.Over == "" {
		return values
	}
	none := t.values[cell{m.Over, m.Load, m.Name}]
	if relay == m.Over || len(none) != len(values) {
		return nil
	}
	for i := range values {
		values[i] -= none[i]
	}
	return values
}

// ratiosOf returns the rounds' ratios.
func ratiosOf(values, base []float64) []float64 {
	var ratios []float64
	for i := range min(len(values), len(base)) {
		ratios = append(ratios, values[i]/base[i])
	}
	return ratios
}

// finite returns the values that are numbers.
func finite(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// quantile returns the value below which that share of the values lies, between its neighbors.
func quantile(values []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := share * float64(len(sorted)-1)
	low, high := sorted[int(at)], sorted[int(math.Ceil(at))]
	return low + (high-low)*(at-math.Floor(at))
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

// Text is a table with a row for each figure and a column for each relay.
func (r Report) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	var names []string
	for _, f := range r.Figures {
		if !slices.Contains(names, f.Relay) {
			names = append(names, f.Relay)
		}
	}
	fmt.Fprintf(w, "load\tfigure\t%s\n", strings.Join(names, "\t"))
	for _, m := range r.comparison.Metrics {
		if !slices.ContainsFunc(r.Figures, func(f Figure) bool { return f.Load == m.Load && f.Metric == m.Name }) {
			continue
		}
		fmt.Fprintf(w, "%s\t%s (%s)", m.Load, m.Name, m.Unit)
		for _, name := range names {
			f, ok := r.figure(name, m)
			switch {
			case !ok:
				fmt.Fprint(w, "\t-")
			case f.Ratio == 0 || name == r.Base:
				fmt.Fprintf(w, "\t%.3g", f.Median)
			case f.Spread == nil:
				fmt.Fprintf(w, "\t%.3g (%.2f x)", f.Median, f.Ratio)
			default:
				fmt.Fprintf(w, "\t%.3g (%.2f x, %.2f-%.2f)", f.Median, f.Ratio, f.Spread[0], f.Spread[1])
			}
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // writing to memory does not fail
	return fmt.Sprintf("%s; %s; medians of %d rounds, and in brackets their ratios to %q and the quartiles of the rounds' ratios\n\n%s",
		r.Date, r.Machine, r.Rounds, r.Base, b.String())
}

func (r Report) figure(relay string, m Metric) (Figure, bool) {
	for _, f := range r.Figures {
		if f.Relay == relay && f.Load == m.Load && f.Metric == m.Name {
			return f, true
		}
	}
	return Figure{}, false
}

// describe returns one measurement's figures as a line.
func describe(figures map[string]float64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		parts = append(parts, fmt.Sprintf("%s %.3g", name, figures[name]))
	}
	return strings.Join(parts, ", ")
}
