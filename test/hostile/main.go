// Command hostile runs hostile clients of every kind at once against a penstock of its own, and
// checks that it stays within its memory limit, serves another client meanwhile, and keeps nothing
// of the attack afterwards.
//
//	go run ./test/hostile -clients 1000 -for 60s
//
// It builds the command unless -penstock names one, and runs it with CLIP, with SmolLM2 if that is
// in .penstock/models, and with an upstream in this process, whose responses are large. All
// connections are within 127.0.0.0/8. Hostile clients have addresses of their own and a few keys;
// the good client, with another address and key, sends predicts and GET /healthz all the time.
//
// At the end it prints a table of the attacks, what the good client got, the peak of the resident
// memory against runtime.memory_limit, and what is left. It exits with 1 if the memory exceeds the
// limit, if the good client was not served, or if something is left.
//
// With -bodies it sends no attack, but one body of server.max_body of each kind to each JSON route,
// each to a penstock of its own, and prints what they cost.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	o := options{log: os.Stdout}
	flag.IntVar(&o.clients, "clients", 1000, "how many hostile clients at once")
	flag.DurationVar(&o.length, "for", time.Minute, "how long")
	flag.StringVar(&o.binary, "penstock", "", "the command; it is built if this is not given")
	flag.StringVar(&o.limit, "memory", "1GiB", "runtime.memory_limit")
	bodies := flag.Bool("bodies", false, "measure what single bodies cost instead")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, *bodies); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, bodies bool) (err error) {
	folder, err := os.MkdirTemp("", "penstock-hostile-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	o.folder = folder
	if o.binary == "" {
		o.binary = filepath.Join(folder, "penstock")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", o.binary, "penstock/cmd/penstock").CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	if o.root, err = os.Getwd(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(o.root, "models", "clip-tiny")); err != nil {
		return fmt.Errorf("it runs in the repository's root: %w", err)
	}
	if bodies {
		return measureBodies(ctx, o)
	}
	r, err := attack(ctx, o)
	if err != nil {
		return err
	}
	r.print(o)
	return r.verdict()
}
