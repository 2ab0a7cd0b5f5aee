package engine

import (
	"container/list"
	"sync"
)

// NewMemoryLogs returns Logs in this process's memory whose chunks take at most total bytes of it together. When that is
// reached, sealed logs lose their chunks, the one sealed first first, and then those still written to their oldest ones, the
// log that has held chunks longest first.
func NewMemoryLogs(total int) Logs { return &memoryLogs{total: total} }

type memoryLogs struct {
	total int

	mu     sync.Mutex // of the store and of all its logs' contents
	used   int
	open   list.List // of *memoryLog that hold chunks, the one that has done so longest first
	sealed list.List // of *memoryLog that hold chunks, the one sealed first
}

type memoryLog struct {
	store   *memoryLogs
	buffer  int
	element *list.Element // in store.open or store.sealed; nil while it holds no chunks
	dropped bool

	chunks   []Encoded
	slab     slab  // what chunks lie in
	first    int64 // number of chunks[0]
	size     int
	terminal *Terminal
	readers  map[*memoryReader]struct{}
}

func (s *memoryLogs) Create(_ string, buffer int) Log {
	return &memoryLog{store: s, buffer: buffer, first: 1, readers: map[*memoryReader]struct{}{}}
}

// Append never fails: the oldest chunks make room.
func (l *memoryLog) Append(chunks []Encoded) error {
	s := l.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.dropped { // nobody can read it any more
		return nil
	}
	for _, c := range chunks {
		if l.element == nil {
			l.element = s.open.PushBack(l)
		}
		l.chunks = append(l.chunks, l.slab.keep(c))
		l.size += cost(c)
		s.used += cost(c)
		for l.size > l.buffer && len(l.chunks) > 1 {
			l.dropOldest()
		}
		for s.used > s.total && s.makeRoom(l) {
		}
	}
	l.ping()
	return nil
}

// makeRoom drops something that is not the last chunk of the log being written to. It tells whether there was anything.
func (s *memoryLogs) makeRoom(writing *memoryLog) bool {
	if e := s.sealed.Front(); e != nil {
		l := e.Value.(*memoryLog)
		l.empty() // its terminal event stays: who has had all else, or that too, is still told so
		l.ping()
		return true
	}
	for e := s.open.Front(); e != nil; e = e.Next() {
		if l := e.Value.(*memoryLog); l != writing || len(l.chunks) > 1 {
			l.dropOldest()
			l.ping()
			return true
		}
	}
	return false
}

func (l *memoryLog) dropOldest() {
	if len(l.chunks) == 1 {
		l.empty()
		return
	}
	n := cost(l.chunks[0])
	l.chunks[0] = Encoded{}
	l.chunks = l.chunks[1:]
	l.first++
	l.size -= n
	l.store.used -= n
}

// empty drops all chunks.
func (l *memoryLog) empty() {
	if l.element == nil {
		return
	}
	if l.terminal != nil {
		l.store.sealed.Remove(l.element)
	} else {
		l.store.open.Remove(l.element)
	}
	l.element = nil
	l.first += int64(len(l.chunks))
	l.store.used -= l.size
	l.chunks, l.size, l.slab = nil, 0, slab{}
}

func (l *memoryLog) Seal(t Terminal) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	if l.element != nil {
		l.store.open.Remove(l.element)
		l.element = l.store.sealed.PushBack(l)
	}
	l.terminal = &t
	l.ping()
}

func (l *memoryLog) Drop() {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	l.empty()
	l.dropped = true
	l.ping()
}

func (l *memoryLog) ping() {
	for r := range l.readers {
		ping(r.news)
	}
}

// last is the number of the last event in the log, the terminal one included.
func (l *memoryLog) last() int64 {
	last := l.first + int64(len(l.chunks)) - 1
	if l.terminal != nil {
		last++
	}
	return last
}

func (l *memoryLog) Follow(after int64, news chan<- struct{}) (LogReader, error) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	switch {
	case l.dropped || after < l.first-1 || after > l.last():
		return nil, ErrGone
	case l.terminal != nil && after == l.last():
		return nil, ErrOver
	}
	r := &memoryReader{log: l, next: after + 1, news: news}
	l.readers[r] = struct{}{}
	ping(news)
	return r, nil
}

// batchChunks is how many chunks a reader takes at once. The slice it takes is its own, and takes as much memory again as
// small chunks do.
const batchChunks = 256

type memoryReader struct {
	log  *memoryLog
	next int64 // number of the event it wants
	news chan<- struct{}
}

func (r *memoryReader) Take(spare []Encoded) (Batch, error) {
	l := r.log
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	if l.dropped || r.next < l.first {
		return Batch{}, ErrGone
	}
	clear(spare)
	chunks, terminal := l.chunks[r.next-l.first:], l.terminal
	if len(chunks) > batchChunks {
		chunks, terminal = chunks[:batchChunks], nil
		ping(r.news)
	}
	b := Batch{First: r.next, Chunks: append(spare[:0], chunks...), Terminal: terminal}
	r.next += int64(len(b.Chunks))
	return b, nil
}

func (r *memoryReader) Close() {
	r.log.store.mu.Lock()
	defer r.log.store.mu.Unlock()
	delete(r.log.readers, r)
}
