package stream

import (
	"context"
	"sync"

	"penstock/memory"
	"penstock/sse"
)

// plainLog is the log of a plain stream, whose one reader cannot come back: it keeps what the
// reader has not sent and nothing else. Events that go straight to the reader through a handover
// cost one lock and no allocation; log and reader exchange their slices where they do not.
type plainLog struct {
	info   Info
	buffer int
	owner  Owner
	waits  bool // the producer waits for the reader, which is else given up once it lags too far

	mu       sync.Mutex
	events   []sse.Event
	slab     slab  // holds the events' data
	first    int64 // number of events[0]
	size     int
	sending  int // bytes of those that the reader has taken and is sending
	account  memory.Account
	reserved *memory.Reservation
	counted  int // bytes that are reserved
	overrun  bool
	terminal *Terminal
	direct   *handover       // nil: there is none, or no longer
	news     chan<- struct{} // nil without a reader
	read     bool            // there has been a reader
	room     chan struct{}   // cap 1; pinged when there is room again, or no reader; nil unless waits
}

// uncounted is how much a plain log keeps without reserving it: most keep nothing for long.
const uncounted = 16 << 10

func newPlainLog(c Config, owner Owner, account memory.Account) *plainLog {
	l := &plainLog{
		info: c.Info, buffer: c.Buffer, owner: owner, waits: c.Waits, first: 1,
		account: account, reserved: account.Reserve(memory.Stream),
	}
	if l.waits {
		l.room = make(chan struct{}, 1)
	}
	return l
}

// Info implements View.
func (l *plainLog) Info() Info { return l.info }

// Append implements Log. Where the producer waits, see appendWaiting; else it fails with
// ErrSlowReader once more than the buffer is kept, though events that arrive while nothing is kept
// fit any buffer, or more than there is memory for. The numbers are as they should be: the log is
// written by this package only.
func (l *plainLog) Append(ctx context.Context, _ int64, events []sse.Event) error {
	if l.pass(events) {
		return nil
	}
	if l.waits {
		return l.appendWaiting(ctx, events)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	defer ping(l.news)
	lags := len(l.events) > 0
	for _, e := range events {
		l.add(e)
	}
	if l.overrun = l.overrun || lags && l.size > l.buffer || !l.count(); l.overrun {
		return ErrSlowReader
	}
	return nil
}

// pass reports whether the reader's sink has taken the events, which are not kept then. The sink
// may panic.
func (l *plainLog) pass(events []sse.Event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) > 0 || l.direct == nil || !l.direct.offer(events, l.first) {
		return false
	}
	l.first += int64(len(events))
	return true
}

func (l *plainLog) add(e sse.Event) {
	l.size += cost(e)
	l.events = append(l.events, l.slab.keep(e))
}

// count reserves what is kept, and reports whether there is memory for it.
func (l *plainLog) count() bool {
	kept := l.size + l.sending
	more := kept - l.counted
	if kept <= uncounted || more <= 0 {
		return true
	}
	if !l.reserved.Try(int64(more)) {
		return false
	}
	l.counted = kept
	return true
}

// uncount returns what is reserved and no longer kept.
func (l *plainLog) uncount() {
	kept := l.size + l.sending
	if kept <= uncounted {
		kept = 0
	}
	if less := l.counted - kept; less > 0 {
		l.reserved.Shrink(int64(less))
		l.counted = kept
	}
}

// lose drops what no reader will take.
func (l *plainLog) lose() {
	l.events, l.size, l.sending, l.slab = nil, 0, 0, slab{}
	l.uncount()
}

// Flush implements Log.
func (l *plainLog) Flush(context.Context) error { return nil }

// Seal implements Log.
func (l *plainLog) Seal(_ context.Context, t Terminal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.terminal = &t
	if l.news == nil { // a reader that never comes must not leave memory counted
		l.reserved.Close()
		l.counted = 0
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
	l.size, l.sending = 0, l.size
	l.uncount()
	clear(spare)
	l.events = spare[:0]
	return b, nil
}

// sent notes that what the last Take returned has been sent, and is not held any more.
func (l *plainLog) sent() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sending = 0
	l.uncount()
	ping(l.room)
}

// Close implements Cursor.
func (l *plainLog) Close() {
	l.mu.Lock()
	l.news, l.direct = nil, nil
	l.lose()
	ping(l.room)
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
	l.lose()
	return nil
}
