package app

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cheggaaa/pb/v3"
	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"

	"penstock/hub"
)

// pullProgress shows how a pull goes: on a terminal with a progress bar, elsewhere in plain lines.
type pullProgress struct {
	to  io.Writer
	bar *pb.ProgressBar // of the bytes of all files; nil where there is no terminal

	before int64 // bytes of the files that are done
	tenths int64 // of the current file, reported where there is no bar
	drawn  time.Time
}

const (
	redraw  = 100 * time.Millisecond
	bigFile = 100 << 20 // bytes, from which on plain lines report each tenth
	columns = 79        // of a terminal, at most
)

func newPullProgress(to *os.File) *pullProgress {
	p := &pullProgress{to: to}
	if isatty.IsTerminal(to.Fd()) {
		p.bar = newBar(to).SetMaxWidth(columns)
	}
	return p
}

// newBar returns a bar that is drawn when Write is called, and at no other time.
func newBar(to io.Writer) *pb.ProgressBar {
	return pb.New64(0).SetWriter(to).
		Set(pb.Static, true).Set(pb.Terminal, true).Set(pb.ReturnSymbol, "\r").Set(pb.Color, false).
		Set(pb.Bytes, true).
		SetTemplateString(`{{bar . "[" "=" "=" " " "]"}} {{percent . "%3.0f%%"}} {{speed . "%s/s" " "}} {{string . "file"}}`)
}

// At implements hub.Progress.
func (p *pullProgress) At(f hub.File, have int64) {
	if p.bar == nil {
		tenths := have * 10 / max(1, f.Size)
		if f.Size >= bigFile && tenths > p.tenths && tenths < 10 {
			p.line(fmt.Sprintf("  %s: %d%% of %s", f.Path, tenths*10, humanize.IBytes(uint64(f.Size))))
		}
		p.tenths = tenths
		return
	}
	if time.Since(p.drawn) < redraw {
		return
	}
	p.drawn = time.Now()
	name := f.Path
	if runes := []rune(name); len(runes) > 24 {
		name = "…" + string(runes[len(runes)-23:])
	}
	p.bar.Set("file", name).SetCurrent(p.before + have).Write()
}

// Done implements hub.Progress.
func (p *pullProgress) Done(f hub.File, fetched bool) {
	p.before += f.Size
	p.tenths = 0
	if fetched {
		p.line("  here: " + f.Path)
	} else {
		p.line("  here already: " + f.Path)
	}
}

// Waiting implements hub.Progress.
func (p *pullProgress) Waiting(d time.Duration, why error) {
	p.line(fmt.Sprintf("  %v; trying again in %v", why, d.Round(time.Second)))
}

// begin prints what is going to be fetched.
func (p *pullProgress) begin(c pullCommand, s hub.Snapshot, files []hub.File) {
	total := int64(0)
	for _, f := range files {
		total += f.Size
	}
	if p.bar != nil {
		p.bar.SetTotal(total)
	}
	p.line(fmt.Sprintf("%s at commit %s: %d of %d files, %s, into %s",
		s.ID, s.Commit, len(files), len(s.Files), humanize.IBytes(uint64(total)), c.Dir))
	for _, f := range files {
		p.line(fmt.Sprintf("  %-9s %s", humanize.IBytes(uint64(f.Size)), f.Path))
	}
}

// clearLine removes the bar, which is drawn again with the next bytes.
const clearLine = "\r\x1b[K"

// line prints a line in place of the bar.
func (p *pullProgress) line(text string) {
	p.end()
	fmt.Fprintln(p.to, text)
}

// end removes the bar.
func (p *pullProgress) end() {
	if p.bar != nil {
		fmt.Fprint(p.to, clearLine)
	}
}
