package stream

import (
	"context"
	"sync"

	"penstock/memory"
	"penstock/sse"
)

// plainLog is the log of a plain stream, whose one reader cannot come back: it keeps what the
// reader has not taken and nothing else. Events that go straight to the reader through a handover
// cost one lock and no allocation; log and reader exchange their slices where they do not.
type plainLog struct {
	info   Info
	buffer int
	owner  Owner

	mu       sync.Mutex
	events   []sse.Event
	slab     slab  // holds the events' data
	first    int64 // number of events[0]
	size     int
	reserved *memory.Reservation
	counted  int // bytes of size that are reserved
	overrun  bool
	terminal *Terminal
	direct   *handover       // nil: there is none, or no longer
	news     chan<- struct{} // nil without a reader
	read     bool            // there has been a reader
}

// uncounted is how much a plain log keeps without reserving it: most keep nothing for long.
const uncounted = 16 << 10

func newPlainLog(info Info, buffer int, owner Owner, account memory.Account) *plainLog {
	return &plainLog{info: info, buffer: buffer, owner: owner, first: 1, reserved: account.Reserve(memory.Stream)}
}

// Info implements View.
func (l *plainLog) Info() Info { return l.info }

// Append implements Log. It fails with ErrSlowReader once more than the buffer is kept, though
// events that arrive while nothing is kept fit any buffer, or more than there is memory for. The
// numbers are as they should be: the log is written by this package only.
func (l *plainLog) Append(_ context.Context, _ int64, events []sse.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == 0 && l.direct != nil && l.direct.offer(events, l.first) {
		l.first += int64(len(events))
		return nil
	}
	defer ping(l.news)
	lags := len(l.events) > 0
	for _, e := range events {
		l.size += cost(e)
		l.events = append(l.events, l.slab.keep(e))
	}
	if l.overrun = l.overrun || lags && l.size > l.buffer || !l.count(); l.overrun {
		return ErrSlowReader
	}
	return nil
}

// count reserves what is kept, and reports whether there is memory for it.
func (l *plainLog) count() bool {
	more := l.size - l.counted
	if l.size <= uncounted || more <= 0 {
		return true
	}
	if !l.reserved.Try(int64(more)) {
		return false
	}
	l.counted = l.size
	return true
}

// uncount returns what is reserved.
func (l *plainLog) uncount() {
	if l.counted > 0 {
		l.reserved.Close()
		l.counted = 0
	}
}

// Flush implements Log.
func (l *plainLog) Flush(context.Context) error { return nil }

// Seal implements Log.
func (l *plainLog) Seal(_ context.Context, t Terminal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.terminal = &t
	if l.news == nil { // there is no reader to take it
		l.uncount()
	}
	ping(l.news)
	return nil
}

// Follow implements View. It accepts the first reader only, and only from the start.
func (l *plainLog) Follow(_ context.Context, after int64, news chan<- struct{}) (Cursor, error) {
	if !l.attach(after, news) {
		return nil, ErrGone
	}
	l.owner.ReadersChanged()
	return l, nil
}

func (l *plainLog) attach(after int64, news chan<- struct{}) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read || after != 0 {
		return false
	}
	l.read, l.news = true, news
	ping(news)
	return true
}

// connect lets events go to the reader without being kept, where the handover takes them.
func (l *plainLog) connect(h *handover) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.direct = h
}

// Take implements Cursor.
func (l *plainLog) Take(spare []sse.Event) (Batch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.overrun {
		return Batch{}, ErrSlowReader
	}
	b := Batch{First: l.first, Events: l.events, Terminal: l.terminal}
	l.first += int64(len(l.events))
	l.size = 0
	l.uncount()
	clear(spare)
	l.events = spare[:0]
	return b, nil
}

// Close implements Cursor.
func (l *plainLog) Close() {
	l.mu.Lock()
	l.news, l.direct = nil, nil
	l.uncount()
	l.mu.Unlock()
	l.owner.ReadersChanged()
}

// Readers implements Log.
func (l *plainLog) Readers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.news == nil {
		return 0
	}
	return 1
}

// abandoned reports whether the log has had its reader, and has it no longer.
func (l *plainLog) abandoned() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.read && l.news == nil
}

// Cancel implements View.
func (l *plainLog) Cancel(context.Context) error {
	l.owner.Cancel(ErrNoReader)
	return nil
}

// Drop implements Log.
func (l *plainLog) Drop(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events, l.size, l.slab = nil, 0, slab{}
	l.uncount()
	return nil
}
