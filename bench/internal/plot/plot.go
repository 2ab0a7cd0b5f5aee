// Package plot writes the results of comparisons: a JSON file, and a plot in a common style. The
// comparison decides what is in them.
package plot

import (
	"encoding/json"
	"fmt"
	"os"
)

// Width is the width of a plot, in its own units.
const Width = 860

const style = `<style>
    svg { --ink: #17211f; --soft: #5a6a6b; --other: #b9c6c8; --accent: #0b7480; }
    @media (prefers-color-scheme: dark) { svg { --ink: #e4ebeb; --soft: #93a4a6; --other: #4d5c61; --accent: #45c0cc; } }
    text { fill: var(--ink); } .soft { fill: var(--soft); font-size: 12.5px; } .b { font-weight: 600; }
    rect { fill: var(--other); } .ours { fill: var(--accent); }
  </style>
`

// Draw returns an SVG file of that height with these elements, which may have the classes soft and
// b (texts) and ours (bars). label describes the plot to screen readers.
func Draw(height int, label, elements string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" font-size="14" role="img" aria-label="%s">`+"\n  %s%s</svg>\n",
		Width, height, label, style, elements)
}

// Write writes a report, as JSON, and its plot. A file with an empty name is not written.
func Write(report interface{ SVG() string }, jsonFile, svgFile string) error {
	if jsonFile != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return fmt.Errorf("write the figures: %w", err)
		}
		if err := os.WriteFile(jsonFile, append(text, '\n'), 0o644); err != nil {
			return fmt.Errorf("write the figures: %w", err)
		}
	}
	if svgFile != "" {
		if err := os.WriteFile(svgFile, []byte(report.SVG()), 0o644); err != nil {
			return fmt.Errorf("draw the plot: %w", err)
		}
	}
	return nil
}
