// Package plot writes what a comparison has found: a file of JSON, and a plot in the style they all have. What is in
// either is the comparison's own.
package plot

import (
	"encoding/json"
	"fmt"
	"os"
)

// Width is a plot's, in its own units.
const Width = 860

const style = `<style>
    svg { --ink: #17211f; --soft: #5a6a6b; --other: #b9c6c8; --accent: #0b7480; }
    @media (prefers-color-scheme: dark) { svg { --ink: #e4ebeb; --soft: #93a4a6; --other: #4d5c61; --accent: #45c0cc; } }
    text { fill: var(--ink); } .soft { fill: var(--soft); font-size: 12.5px; } .b { font-weight: 600; }
    rect { fill: var(--other); } .ours { fill: var(--accent); }
  </style>
`

// Draw returns a whole SVG file of that height around elements of the classes soft, b (texts) and ours (bars). label says what
// it shows to those who cannot see it.
func Draw(height int, label, elements string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" font-size="14" role="img" aria-label="%s">`+"\n  %s%s</svg>\n",
		Width, height, label, style, elements)
}

// Write writes a report, which is encoded as JSON, and its plot, each unless its file has no name.
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
