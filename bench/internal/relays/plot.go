package relays

import (
	"fmt"
	"slices"
	"strings"

	"penstock/bench/internal/plot"
)

// The plot's measures, in its own units.
const (
	nameEnd    = 130 // the x at which relays' names end and bars begin
	barHeight  = 14
	barPitch   = 20
	panelWidth = 410
	barLength  = panelWidth - nameEnd - 70 // leaves space for a value
	panelTop   = 46                        // of a panel's title and load
	panelGap   = 22
)

// SVG draws the figures: a panel of bars for each, two panels beside each other.
func (r Report) SVG() string {
	var b strings.Builder
	y, metrics := 16, r.comparison.Metrics
	for i := 0; i < len(metrics); i += 2 {
		height := 0
		for j, m := range metrics[i:min(i+2, len(metrics))] {
			height = max(height, r.panel(&b, m, j*(panelWidth+plot.Width-2*panelWidth), y))
		}
		y += height
	}
	fmt.Fprintf(&b, `  <text class="soft" x="0" y="%d">%s; %s. Medians of %d rounds; shorter is better.</text>`+"\n", y+4, r.Date, escaped(r.Machine), r.Rounds)
	return plot.Draw(y+14, r.comparison.Title, b.String())
}

// panel draws one figure of all relays and returns its height, 0 if no relay has it.
func (r Report) panel(b *strings.Builder, m Metric, x, y int) int {
	var figures []Figure
	longest := 0.0
	for _, f := range r.Figures {
		if f.Load == m.Load && f.Metric == m.Name {
			figures = append(figures, f)
			longest = max(longest, f.Median)
		}
	}
	if len(figures) == 0 {
		return 0
	}
	fmt.Fprintf(b, `  <text class="b" x="%d" y="%d">%s</text><text class="soft" x="%d" y="%d">%s</text>`+"\n", x, y, heading(m), x, y+18, escaped(r.what(m.Load)))
	for i, f := range figures {
		top := y + panelTop - 18 + i*barPitch
		class, length := "", 0
		if r.ours(f.Relay) {
			class = ` class="ours"`
		}
		if longest > 0 {
			length = max(1, int(f.Median/longest*barLength))
		}
		fmt.Fprintf(b, `  <text x="%d" y="%d" text-anchor="end">%s</text><rect%s x="%d" y="%d" width="%d" height="%d" rx="2"/><text class="soft" x="%d" y="%d">%.3g %s</text>`+"\n",
			x+nameEnd-8, top+barHeight-2, escaped(f.Relay), class, x+nameEnd, top, length, barHeight, x+nameEnd+length+6, top+barHeight-2, f.Median, m.Unit)
	}
	return panelTop + len(figures)*barPitch + panelGap - 18
}

// heading is a metric's name as a title.
func heading(m Metric) string { return strings.ToUpper(m.Name[:1]) + m.Name[1:] }

// what describes a load.
func (r Report) what(name string) string {
	for _, l := range r.comparison.Loads {
		if l.Name == name {
			return l.What
		}
	}
	return ""
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// ours reports whether a relay's bars have the color of ours.
func (r Report) ours(name string) bool {
	return slices.ContainsFunc(r.comparison.Relays, func(relay Relay) bool { return relay.Name == name && relay.Ours })
}
