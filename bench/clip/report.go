package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"penstock/bench/internal/plot"
)

// report is a comparison's result.
type report struct {
	Date     string   `json:"date"`
	Cores    int      `json:"cores"`
	Clients  int      `json:"clients"`
	Subjects []result `json:"subjects"` // the bare loop first
}

// result is one subject's: the medians of its rounds, and of its rounds' ratios.
type result struct {
	Name    string   `json:"name"`
	Rate    float64  `json:"requests_per_second"`
	Ratio   float64  `json:"ratio_to_bare"` // of Rate
	CPU     float64  `json:"cpu_ms"`        // of one request
	P50     float64  `json:"p50_ms,omitempty"`
	P99     float64  `json:"p99_ms,omitempty"`
	Tail    float64  `json:"p99_by_p50,omitempty"`
	Cosine  float64  `json:"cosine,omitempty"` // of the photos' vectors with the first variant's; the lowest
	Samples []sample `json:"rounds"`
}

// summarize fills in the medians.
func (r *report) summarize() {
	r.Date, r.Cores = time.Now().UTC().Format(time.DateOnly), runtime.GOMAXPROCS(0)
	for i := range r.Subjects {
		s := &r.Subjects[i]
		of := func(figure func(round int, t sample) float64) float64 {
			values := make([]float64, len(s.Samples))
			for round, t := range s.Samples {
				values[round] = figure(round, t)
			}
			slices.Sort(values)
			return values[len(values)/2]
		}
		s.Rate = of(func(_ int, t sample) float64 { return t.Rate })
		s.Ratio = of(func(round int, t sample) float64 { return t.Rate / r.Subjects[0].Samples[round].Rate })
		s.CPU = of(func(_ int, t sample) float64 { return 1e3 * t.CPU.Seconds() })
		if s.Samples[0].P50 > 0 {
			s.P50 = of(func(_ int, t sample) float64 { return 1e3 * t.P50.Seconds() })
			s.P99 = of(func(_ int, t sample) float64 { return 1e3 * t.P99.Seconds() })
			s.Tail = of(func(_ int, t sample) float64 { return float64(t.P99) / float64(t.P50) })
		}
	}
}

func (r *report) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d cores, %d clients\trequests/s\tto bare\tof a core\tp50\tp99\tp99/p50\tcosine\t\n", r.Cores, r.Clients)
	for _, s := range r.Subjects {
		if s.P50 == 0 {
			fmt.Fprintf(w, "%s\t%.1f\t%.2f\t%.2f ms\t\t\t\t\t\n", s.Name, s.Rate, s.Ratio, s.CPU)
			continue
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.2f\t%.2f ms\t%.1f ms\t%.1f ms\t%.2f\t", s.Name, s.Rate, s.Ratio, s.CPU, s.P50, s.P99, s.Tail)
		if s.Cosine != 0 {
			fmt.Fprintf(w, "%.5f", s.Cosine)
		}
		fmt.Fprint(w, "\t\n")
	}
	_ = w.Flush() // writing to memory does not fail
	return b.String()
}

// The plot's measures, in its own units.
const (
	nameEnd    = 76 // the x at which names end and bars begin
	barHeight  = 16
	barPitch   = 24
	panelWidth = 268
	barLength  = panelWidth - nameEnd - 62 // leaves space for a value
)

// SVG draws requests per second, the 99th percentile of latency, and CPU time per request.
func (r *report) SVG() string {
	var b strings.Builder
	r.panel(&b, 0, "Requests/s", "more is better", "%.0f", func(s result) float64 { return s.Rate })
	r.panel(&b, (plot.Width-panelWidth)/2, "99th percentile", "less is better", "%.0f ms", func(s result) float64 { return s.P99 })
	r.panel(&b, plot.Width-panelWidth, "CPU time per request", "less is better", "%.1f ms", func(s result) float64 { return s.CPU })
	y := 56 + len(r.Subjects)*barPitch
	fmt.Fprintf(&b, `  <text class="soft" x="0" y="%d">clip-tiny and a JPEG of 451 by 300, %d clients on the same %d cores, %s. Medians of %d rounds.</text>`+"\n",
		y, r.Clients, r.Cores, r.Date, len(r.Subjects[0].Samples))
	return plot.Draw(y+12, "CLIP in Penstock, in Python and in a bare loop: requests per second, latency and CPU time.", b.String())
}

// panel draws one figure of the subjects that have it.
func (r *report) panel(b *strings.Builder, x int, title, better, format string, figure func(result) float64) {
	largest := 0.0
	for _, s := range r.Subjects {
		largest = max(largest, figure(s))
	}
	fmt.Fprintf(b, `  <text class="b" x="%d" y="16">%s</text><text class="soft" x="%d" y="34">%s</text>`+"\n", x, title, x, better)
	top := 42
	for _, s := range r.Subjects {
		value := figure(s)
		if value == 0 {
			continue
		}
		class := ""
		if s.Name == "Penstock" {
			class = ` class="ours"`
		}
		length := max(1, int(value/largest*barLength))
		fmt.Fprintf(b, `  <text x="%d" y="%d" text-anchor="end">%s</text><rect%s x="%d" y="%d" width="%d" height="%d" rx="2"/><text class="soft" x="%d" y="%d">`+format+`</text>`+"\n",
			x+nameEnd-8, top+barHeight-3, s.Name, class, x+nameEnd, top, length, barHeight, x+nameEnd+length+6, top+barHeight-3, value)
		top += barPitch
	}
}
