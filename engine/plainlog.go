package engine

import "sync"

// plainLog is the log of a stream with one reader that cannot come back: it keeps what the reader has not taken and
// nothing else. Chunks that go straight to their reader cost one lock and no allocation; log and reader change slices with
// each other where they do not.
type plainLog struct {
	buffer int

	mu       sync.Mutex
	chunks   []Encoded
	slab     slab  // what chunks lie in
	first    int64 // number of chunks[0]
	size     int
	overrun  bool
	terminal *Terminal
	direct   func(chunks []Encoded, first int64) bool // hands chunks to the reader, if it can; may be nil
	news     chan<- struct{}                          // nil without a reader
	read     bool                                     // there has been a reader
}

func newPlainLog(buffer int) *plainLog { return &plainLog{buffer: buffer, first: 1} }

// Append fails with ErrSlowReader once more than the buffer is kept. What comes while nothing is kept is always taken.
func (l *plainLog) Append(chunks []Encoded) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.chunks) == 0 && l.direct != nil && l.direct(chunks, l.first) {
		l.first += int64(len(chunks))
		return nil
	}
	defer ping(l.news)
	lags := len(l.chunks) > 0
	for _, c := range chunks {
		l.size += cost(c)
		l.chunks = append(l.chunks, l.slab.keep(c))
	}
	if l.overrun = l.overrun || (lags && l.size > l.buffer); l.overrun {
		return ErrSlowReader
	}
	return nil
}

func (l *plainLog) Seal(t Terminal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.terminal = &t
	ping(l.news)
}

// Follow takes its first reader only, and only from the start.
func (l *plainLog) Follow(after int64, news chan<- struct{}) (LogReader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read || after != 0 {
		return nil, ErrGone
	}
	l.read, l.news = true, news
	ping(news)
	return l, nil
}

// shortcut lets chunks go to the reader without being kept, where direct takes them.
func (l *plainLog) shortcut(direct func(chunks []Encoded, first int64) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.direct = direct
}

func (l *plainLog) Take(spare []Encoded) (Batch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.overrun {
		return Batch{}, ErrSlowReader
	}
	b := Batch{First: l.first, Chunks: l.chunks, Terminal: l.terminal}
	l.first += int64(len(l.chunks))
	l.size = 0
	clear(spare)
	l.chunks = spare[:0]
	return b, nil
}

func (l *plainLog) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.news, l.direct = nil, nil
}

func (l *plainLog) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chunks, l.size, l.slab = nil, 0, slab{}
}

// ping tells a reader to look, unless it has not looked since the last time: then it will.
func ping(news chan<- struct{}) {
	select {
	case news <- struct{}{}:
	default: // a nil channel, nobody being there, comes here too
	}
}
