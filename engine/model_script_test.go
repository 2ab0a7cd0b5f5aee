package engine_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"penstock/engine"
)

// ending is how a scripted generation comes to its end.
type ending int

const (
	endStops ending = iota
	endLength
	endFails
	endFailsTyped
	endPanics
	endSaysNothing   // returns the zero End
	endEncodeFails   // its last chunk cannot be encoded
	endEncodePanics  // nor this one
	endPrepareFails  // never comes to generate
	endPreparePanics // nor this one
	endings
)

// rules are one run's: how wide everything is.
type rules struct {
	permits, queue, limit int
	timeout               time.Duration
	total                 int // bytes of all logs
	clients               int
	span                  time.Duration // in which clients come

	// Steps take time in all runs but the bursty ones. As no two things then happen at one instant,
	// what a reader is shown can be foretold to the byte; in a burst, how much of it a reader takes
	// at once is not determined.
	bursty bool
	drain  time.Duration // when the engine drains; 0: at the end
	grace  time.Duration // and how long later it closes
}

// tight tells whether the logs may run into their common bound.
func (r rules) tight() bool { return r.total < plenty }

const plenty = 1 << 30

// script is what one generation and its client do, made before anything runs.
type script struct {
	name    string
	arrives time.Duration
	options engine.StreamOptions
	prepare time.Duration
	chunks  []piece
	finish  time.Duration
	ending  ending
	watches bool          // looks at its context while it works, and not only when it emits
	deaf    bool          // says that all went well even if an emit has failed
	cancel  time.Duration // after its start it is canceled; 0: it is not
	readers []visitor
}

// piece is a chunk and the work before it.
type piece struct {
	work  time.Duration
	size  int
	joins bool // comes with the one before, without work
}

// visitor is a reader, which may connect several times.
type visitor struct {
	arrives time.Duration // after the stream's start
	visits  int
	idle    time.Duration // for Follow
	away    time.Duration // at most, between two visits
	dawdles time.Duration // at most, over an event
	stays   int           // at most this many events a visit; 0: to the end
	cut     time.Duration // at most this long a visit; 0: no matter how long
	sink    bool          // is an stream.Sink
	lost    bool          // has forgotten where it was, and asks for any place
}

func newRules(r *rand.Rand) rules {
	o := rules{
		permits: 1 + r.IntN(4), queue: r.IntN(12), clients: 5 + r.IntN(25),
		span: time.Duration(1 + r.IntN(int(time.Minute))), total: plenty, bursty: r.IntN(4) == 0,
	}
	if r.IntN(3) == 0 {
		o.limit = 1 + r.IntN(10)
	}
	if r.IntN(2) == 0 {
		o.timeout = time.Duration(1 + r.IntN(int(20*time.Second)))
	}
	if r.IntN(4) == 0 {
		o.total = 1 + r.IntN(5000)
	}
	if r.IntN(3) == 0 {
		o.drain = time.Duration(1 + r.IntN(int(time.Minute)))
		o.grace = time.Duration(1 + r.IntN(int(20*time.Second)))
	}
	return o
}

func newScript(r *rand.Rand, name string, o rules) script {
	s := script{
		name: name, arrives: upTo(r, o.span), ending: ending(r.IntN(int(endings))), watches: r.IntN(2) == 0, deaf: r.IntN(8) == 0,
		prepare: upTo(r, time.Second), finish: upTo(r, time.Second),
	}
	if r.IntN(3) > 0 { // most go well
		s.ending = ending(r.IntN(2))
	}
	slowest := time.Duration(1 + r.IntN(int(time.Second)))
	most := 40
	if o.bursty && r.IntN(4) == 0 {
		most = 2000 // more than a reader takes at once
	}
	for range r.IntN(most) {
		p := piece{work: upTo(r, slowest), size: 1 + r.IntN(200)}
		if o.bursty && r.IntN(most) > 15 {
			p.work = 0
		}
		p.joins = len(s.chunks) > 0 && r.IntN(4) == 0
		s.chunks = append(s.chunks, p)
	}
	s.options.Buffer = 1 + r.IntN(4000)
	if r.IntN(2) == 0 {
		s.options.Buffer = 1 << 20
	}
	readers := 1
	if r.IntN(3) > 0 {
		s.options.Lease = upTo(r, 20*time.Second)
		s.options.Detached = r.IntN(2) == 0
		readers = r.IntN(6)
	}
	if r.IntN(5) == 0 {
		s.cancel = upTo(r, 20*time.Second)
	}
	for range readers {
		s.readers = append(s.readers, newVisitor(r))
	}
	return s
}

func newVisitor(r *rand.Rand) visitor {
	v := visitor{arrives: upTo(r, 5*time.Second), visits: 1 + r.IntN(10), away: upTo(r, 10*time.Second), lost: r.IntN(6) == 0, sink: r.IntN(2) == 0, dawdles: 1}
	if r.IntN(3) == 0 {
		v.idle = time.Millisecond + upTo(r, 5*time.Second)
	}
	if r.IntN(3) == 0 {
		v.dawdles = upTo(r, 2*time.Second)
	}
	if r.IntN(2) == 0 {
		v.stays = 1 + r.IntN(10)
	}
	if r.IntN(3) == 0 {
		v.cut = upTo(r, 10*time.Second)
	}
	return v
}

// upTo is a time of nanoseconds that hardly ever comes twice, and never 0.
func upTo(r *rand.Rand, most time.Duration) time.Duration {
	return 1 + time.Duration(r.Int64N(int64(most)))
}

// content is what the n-th chunk of a stream holds.
func content(name string, n int64, size int) []byte {
	b := fmt.Appendf(nil, "%s.%d ", name, n)
	return append(b, bytes.Repeat([]byte{byte('a' + n%26)}, max(0, size-len(b)))...)
}
