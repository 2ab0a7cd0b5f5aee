package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"

	"penstock/hub"
)

// pullProgress tells a person how a pull goes: on a terminal with a bar that moves, elsewhere in plain lines.
type pullProgress struct {
	to       io.Writer
	terminal bool
	now      func() time.Time

	total, before int64 // bytes of all files, and of those that are done
	have          int64 // bytes of the one at work
	tenth         int64 // how many tenths of it have been said, where there is no bar

	drawn  time.Time
	began  time.Time // when speed was last begun to be measured, and how much was here then
	behind int64
	speed  float64 // bytes/s
}

func newPullProgress(to *os.File) *pullProgress {
	return &pullProgress{to: to, terminal: isatty.IsTerminal(to.Fd()), now: time.Now}
}

const (
	redraw   = 100 * time.Millisecond
	measured = 2 * time.Second
	bigFile  = 100 << 20 // bytes, from which on plain lines tell of each tenth
	barWidth = 24
)

// At implements hub.Progress.
func (p *pullProgress) At(f hub.File, have int64) {
	if have < p.have {
		p.tenth, p.began = 0, time.Time{}
	}
	p.have = have
	if !p.terminal {
		if tenth := have * 10 / max(1, f.Size); f.Size >= bigFile && tenth > p.tenth && tenth < 10 {
			p.tenth = tenth
			p.say(fmt.Sprintf("  %s: %d%% of %s", f.Path, tenth*10, humanize.IBytes(uint64(f.Size))))
		}
		return
	}
	now := p.now()
	if now.Sub(p.drawn) < redraw {
		return
	}
	p.drawn = now
	switch all := p.before + have; {
	case p.began.IsZero():
		p.began, p.behind, p.speed = now, all, 0
	case now.Sub(p.began) >= measured:
		p.speed = float64(all-p.behind) / now.Sub(p.began).Seconds()
		p.began, p.behind = now, all
	}
	p.draw(f)
}

// draw puts the bar in the terminal's last line, in fewer than 80 columns.
func (p *pullProgress) draw(f hub.File) {
	all := p.before + p.have
	filled := int(all * barWidth / max(1, p.total))
	name := f.Path
	if runes := []rune(name); len(runes) > 24 {
		name = "…" + string(runes[len(runes)-23:])
	}
	speed := ""
	if p.speed > 0 {
		speed = humanize.IBytes(uint64(p.speed)) + "/s"
	}
	fmt.Fprintf(p.to, "\r\x1b[K[%s%s] %3d%% %s %s", strings.Repeat("=", filled), strings.Repeat(" ", barWidth-filled), all*100/max(1, p.total), speed, name)
}

// Done implements hub.Progress.
func (p *pullProgress) Done(f hub.File, fetched bool) {
	p.before += f.Size
	p.have, p.tenth = 0, 0
	if fetched {
		p.say("  here: " + f.Path)
	} else {
		p.say("  here already: " + f.Path)
	}
}

// Waiting implements hub.Progress.
func (p *pullProgress) Waiting(d time.Duration, why error) {
	p.began = time.Time{}
	p.say(fmt.Sprintf("  %v; trying again in %v", why, d.Round(time.Second)))
}

// say writes a line; a bar goes from under it, and comes back with the next bytes.
func (p *pullProgress) say(line string) {
	if p.terminal {
		line = "\r\x1b[K" + line
	}
	fmt.Fprintln(p.to, line)
}

// end takes the bar away.
func (p *pullProgress) end() {
	if p.terminal {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}
