package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"text/tabwriter"
)

// factor is how many times its size a body may cost.
const factor = 4

// measureBodies sends each body of empty values to a server of its own, and prints what it cost:
// how much the resident memory grew at most.
func measureBodies(ctx context.Context, o options) error {
	up, err := startUpstream(o.small)
	if err != nil {
		return err
	}
	defer up.close()
	table := tabwriter.NewWriter(o.log, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "body\tstatus\tMiB\tmemory grew by\ttimes its size")
	var tooMuch error
	for _, b := range emptyBodies(maxBody) {
		status, grown, err := measure(ctx, o, up.url, b)
		if err != nil {
			return err
		}
		times := float64(grown) / float64(len(b.text))
		fmt.Fprintf(table, "%s\t%d\t%.1f\t%.1f\t%.2f\n", b.name, status, float64(len(b.text))/(1<<20), float64(grown)/(1<<20), times)
		if times > factor {
			tooMuch = errors.Join(tooMuch, fmt.Errorf("%s costs %.1f times its size", b.name, times))
		}
	}
	return errors.Join(table.Flush(), tooMuch)
}

// measure sends a body to an idle server.
func measure(ctx context.Context, o options, upstream string, b body) (status int, grown int64, err error) {
	s, err := startTarget(ctx, o, upstream)
	if err != nil {
		return 0, 0, err
	}
	defer s.stop()
	g := newGood(s)
	if err := g.warmUp(ctx); err != nil {
		return 0, 0, err
	}
	// The peak is counted anew from here.
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0); err != nil {
		return 0, 0, err
	}
	before, err := s.status("VmRSS:")
	if err != nil {
		return 0, 0, err
	}
	a := &attacker{ctx: ctx, kind: b.name, tally: newTally(), dial: &net.Dialer{}, address: s.address, key: s.keys.good}
	status = a.post(b.path, b.mediaType, b.text)
	peak, err := s.peak()
	return status, peak - before, err
}
