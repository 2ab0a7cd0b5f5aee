package main

import (
	"fmt"
	"strings"
)

// The plot's measures, in its own units.
const (
	plotWidth  = 860
	nameEnd    = 130 // where relays' names end and bars begin
	barHeight  = 14
	barPitch   = 20
	panelWidth = 410
	barLength  = panelWidth - nameEnd - 70 // room for a value behind it
	panelTop   = 46                        // a panel's title and what it is of
	panelGap   = 22
)

const plotStyle = `<style>
    svg { --ink: #17211f; --soft: #5a6a6b; --other: #b9c6c8; --accent: #0b7480; }
    @media (prefers-color-scheme: dark) { svg { --ink: #e4ebeb; --soft: #93a4a6; --other: #4d5c61; --accent: #45c0cc; } }
    text { fill: var(--ink); } .soft { fill: var(--soft); font-size: 12.5px; } .b { font-weight: 600; }
    rect { fill: var(--other); } .ours { fill: var(--accent); }
  </style>
`

// svg draws the figures: a panel of bars for each, two panels beside each other.
func (r report) svg() string {
	var b strings.Builder
	y := 16
	for i := 0; i < len(metrics); i += 2 {
		height := 0
		for j, m := range metrics[i:min(i+2, len(metrics))] {
			height = max(height, r.panel(&b, m, j*(panelWidth+plotWidth-2*panelWidth), y))
		}
		y += height
	}
	fmt.Fprintf(&b, `  <text class="soft" x="0" y="%d">%s; %s. Medians of %d rounds; shorter is better.</text>`+"\n", y+4, r.Date, escaped(r.Machine), r.Rounds)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" font-size="14" role="img" aria-label="What relays of streams cost: processor time, memory and lateness of Penstock, a bare net/http relay and nginx.">`+"\n  %s%s</svg>\n",
		plotWidth, y+14, plotStyle, b.String())
}

// panel draws one figure of all relays and returns its height, 0 if nobody has it.
func (r report) panel(b *strings.Builder, m metric, x, y int) int {
	var figures []figure
	longest := 0.0
	for _, f := range r.Figures {
		if f.Load == m.load && f.Metric == m.name {
			figures = append(figures, f)
			longest = max(longest, f.Median)
		}
	}
	if len(figures) == 0 {
		return 0
	}
	fmt.Fprintf(b, `  <text class="b" x="%d" y="%d">%s</text><text class="soft" x="%d" y="%d">%s</text>`+"\n", x, y, heading(m), x, y+18, what(m.load))
	for i, f := range figures {
		top := y + panelTop - 18 + i*barPitch
		class, length := "", 0
		if f.Relay == penstock {
			class = ` class="ours"`
		}
		if longest > 0 {
			length = max(1, int(f.Median/longest*barLength))
		}
		fmt.Fprintf(b, `  <text x="%d" y="%d" text-anchor="end">%s</text><rect%s x="%d" y="%d" width="%d" height="%d" rx="2"/><text class="soft" x="%d" y="%d">%.3g %s</text>`+"\n",
			x+nameEnd-8, top+barHeight-2, escaped(f.Relay), class, x+nameEnd, top, length, barHeight, x+nameEnd+length+6, top+barHeight-2, f.Median, m.unit)
	}
	return panelTop + len(figures)*barPitch + panelGap - 18
}

// heading is a metric's name as a title.
func heading(m metric) string { return strings.ToUpper(m.name[:1]) + m.name[1:] }

func what(name string) string {
	for _, l := range loads {
		if l.name == name {
			return l.what
		}
	}
	return ""
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
