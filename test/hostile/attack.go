package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"
)

// options say how the attack is run.
type options struct {
	binary, root string // the command, and the project's folder
	folder       string // for what is written
	limit        string // runtime.memory_limit
	clients      int
	length       time.Duration // 0: each client attacks once
	small        bool          // bodies and pictures of less than a MiB, without SmolLM2
	log          io.Writer
}

// report is what an attack came to.
type report struct {
	tally       *tally
	good        *good
	limit, peak int64 // bytes of resident memory
	left        []string
	highest     sample
	load        string // of the machine, at the end
}

// attack runs the hostile clients and the good one, and returns what became of them.
func attack(ctx context.Context, o options) (*report, error) {
	up, err := startUpstream(o.small)
	if err != nil {
		return nil, err
	}
	defer up.close()
	s, err := startTarget(ctx, o, up.url)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	g := newGood(s)
	if err := g.warmUp(ctx); err != nil {
		return nil, err
	}
	before, err := s.metrics(ctx)
	if err != nil {
		return nil, err
	}

	r := &report{tally: newTally(), good: g}
	serving, endServing := context.WithCancel(ctx)
	defer endServing()
	var others sync.WaitGroup
	others.Go(func() { g.run(serving) })
	others.Go(func() { r.highest = s.watchMemory(serving) })
	err = runHostile(ctx, o, s, g, r.tally)
	endServing()
	others.Wait()
	if err != nil {
		return nil, err
	}
	r.load = machineLoad()
	if r.left, err = s.settle(ctx, before); err != nil {
		return nil, err
	}
	if r.peak, err = s.peak(); err != nil {
		return nil, err
	}
	r.limit, err = bytesOf(o.limit)
	return r, err
}

// runHostile runs the hostile clients: each attacks in one way again and again, all ways being
// equally frequent.
func runHostile(ctx context.Context, o options, s *target, g *good, t *tally) error {
	l, err := newLoads(o.small)
	if err != nil {
		return err
	}
	working := ctx
	if o.length > 0 {
		var cancel context.CancelFunc
		working, cancel = context.WithTimeout(ctx, o.length)
		defer cancel()
	}
	kinds := kinds()
	var all sync.WaitGroup
	for i := range o.clients {
		a := &attacker{
			ctx: working, once: o.length == 0, kind: kinds[i%len(kinds)].name, loads: l, good: g, tally: t,
			dial:    &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 66, byte(1+i%250))}},
			address: s.address, key: s.keys.hostile[i%len(s.keys.hostile)], llm: s.languageModels[i/len(kinds)%len(s.languageModels)],
			r: rand.New(rand.NewPCG(uint64(i), 1)),
		}
		run := kinds[i%len(kinds)].run
		all.Go(func() {
			for {
				run(a)
				if a.once || working.Err() != nil {
					return
				}
				a.hold(time.Duration(a.r.Int64N(int64(time.Second))))
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

// attacker is a hostile client. It belongs to one goroutine, and those that it waits for.
type attacker struct {
	ctx     context.Context
	once    bool
	kind    string
	loads   *loads
	good    *good
	tally   *tally
	dial    *net.Dialer
	address string
	key     string
	llm     string // the language model that it attacks
	r       *rand.Rand
}

// patience is how long an attacker waits for a response.
const patience = 45 * time.Second

// hold waits: for the time, or where each attacks once, until the good client has been served twice
// more.
func (a *attacker) hold(d time.Duration) {
	if a.once {
		a.good.servedMore(a.ctx, 2)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.ctx.Done():
	}
}

// connect opens a connection, which the end of the attack closes.
func (a *attacker) connect() (conn net.Conn, end func()) {
	conn, err := a.dial.DialContext(a.ctx, "tcp", a.address)
	if err != nil {
		a.tally.add(a.kind, 0)
		return nil, nil
	}
	_ = conn.SetDeadline(time.Now().Add(patience)) // a connection that was just opened takes one
	stop := context.AfterFunc(a.ctx, func() { conn.Close() })
	return conn, func() { stop(); conn.Close() }
}

// head returns the head of a request with the attacker's key.
func (a *attacker) head(method, path string, headers ...string) string {
	const format = "%s %s HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %s\r\n%s\r\n\r\n"
	return fmt.Sprintf(format, method, path, a.key, strings.Join(headers, "\r\n"))
}

// verdict returns an error unless all is as it must be.
func (r *report) verdict() error {
	switch {
	case r.peak > r.limit:
		return fmt.Errorf("resident memory reached %d MiB, and the limit is %d MiB", r.peak>>20, r.limit>>20)
	case len(r.good.failures()) > 0:
		return fmt.Errorf("the good client was refused: %s", strings.Join(r.good.failures(), "; "))
	case len(r.left) > 0:
		return fmt.Errorf("left behind: %s", strings.Join(r.left, "; "))
	}
	return nil
}

func (r *report) print(o options) {
	fmt.Fprintf(o.log, "%d hostile clients for %v, load of the machine %s\n\n", o.clients, o.length, r.load)
	r.tally.print(o.log)
	fmt.Fprintln(o.log)
	r.good.print(o.log)
	r.highest.print(o.log)
	left := strings.Join(append(r.left, ""), "; ")
	fmt.Fprintf(o.log, "peak resident memory: %d MiB of %d MiB\nleft behind: %s\n", r.peak>>20, r.limit>>20, left)
}
