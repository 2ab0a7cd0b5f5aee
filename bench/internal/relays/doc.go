// Package relays compares relays: programs that stand between clients and an upstream. Each gets
// the same mock upstream and the same loads, both from bench/sseload, in one run on one machine: in
// every round each relay is measured under every load, in a process that has just been started.
// Other processes on the machine make the figures noisy, so the order of the relays alternates,
// every figure is the median of its rounds, and the ratios are what counts.
//
// It runs on Linux, whose /proc it reads, in the repository's root, and everything is on 127.0.0.1.
// Nothing that it starts is left when it returns. It knows no relay by itself: a command that
// compares says which there are, and how each is started.
package relays
