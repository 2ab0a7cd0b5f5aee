package stream

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"penstock/memory"
	"penstock/sse"
)

// NewMemoryLogs returns Logs in this process's memory whose events take at most total bytes of it
// together, and what budget has for them; nil is no budget. Where there is no room, the caller
// whose logs hold most makes it: its sealed logs lose their events, the one sealed first first. If
// no caller has any of those, logs still being written lose their oldest events, in the same order,
// the log that has held events longest first. None of its methods waits or fails, and contexts are
// not looked at.
func NewMemoryLogs(total int, budget *memory.Budget) Logs {
	return &memoryLogs{total: total, budget: budget, byID: map[string]*memoryLog{}, callers: map[string]*callerLogs{}}
}

type memoryLogs struct {
	total  int
	budget *memory.Budget

	mu      sync.Mutex // guards the store and the contents of all its logs
	byID    map[string]*memoryLog
	used    int
	callers map[string]*callerLogs // those whose logs hold events
}

type memoryLog struct {
	store   *memoryLogs
	id      string
	config  LogConfig
	owner   Owner
	element *list.Element // in its caller's open or sealed; nil while it holds no events
	dropped bool

	events   []sse.Event
	slab     slab  // holds the events' data
	first    int64 // number of events[0]
	size     int
	terminal *Terminal
	cursors  map[*memoryCursor]struct{}
}

// Create implements Logs.
func (s *memoryLogs) Create(_ context.Context, id string, c LogConfig, owner Owner) (Log, error) {
	l := &memoryLog{
		store: s, id: id, config: c, owner: owner, first: 1,
		cursors: map[*memoryCursor]struct{}{},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[id] != nil {
		return nil, fmt.Errorf("stream: log %q exists", id)
	}
	s.byID[id] = l
	return l, nil
}

// Open implements Logs.
func (s *memoryLogs) Open(_ context.Context, id string) (View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.byID[id]; l != nil {
		return l, nil
	}
	return nil, ErrNotFound
}

// Info implements View.
func (l *memoryLog) Info() Info { return l.config.Info }

// Append implements Log. It never fails for lack of memory: the oldest events make room.
func (l *memoryLog) Append(_ context.Context, first int64, events []sse.Event) error {
	s := l.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.dropped || l.terminal != nil { // no reader can get them
		return nil
	}
	known := l.first + int64(len(l.events)) - first // how many the log holds already
	if known < 0 {
		return fmt.Errorf("stream: append event %d to a log that ends %d before it", first, -known)
	}
	events = events[min(known, int64(len(events))):]
	for i, e := range events {
		for !s.caller(l.config.Caller).reserved.Try(int64(cost(e))) {
			if s.makeRoom(l, l.config.Caller) {
				continue
			}
			l.lose(events[i:]) // its readers fall behind, and the model runs on
			return nil
		}
		own := s.caller(l.config.Caller)
		if l.element == nil {
			l.element = own.open.PushBack(l)
		}
		l.events = append(l.events, l.slab.keep(e))
		l.size += cost(e)
		s.used += cost(e)
		own.used += cost(e)
		for l.size > l.config.Buffer && len(l.events) > 1 {
			l.dropOldest()
		}
		for s.used > s.total && s.makeRoom(l, "") {
		}
	}
	l.ping()
	return nil
}

func (l *memoryLog) dropOldest() {
	if len(l.events) == 1 {
		l.empty()
		return
	}
	n := cost(l.events[0])
	l.events[0] = sse.Event{}
	l.events = l.events[1:]
	l.first++
	l.size -= n
	l.store.give(l.config.Caller, n)
}

// empty drops all events.
func (l *memoryLog) empty() {
	if l.element == nil {
		return
	}
	own := l.store.caller(l.config.Caller)
	if l.terminal != nil {
		own.sealed.Remove(l.element)
	} else {
		own.open.Remove(l.element)
	}
	l.element = nil
	l.first += int64(len(l.events))
	l.store.give(l.config.Caller, l.size)
	l.events, l.size, l.slab = nil, 0, slab{}
}

// Flush implements Log.
func (l *memoryLog) Flush(context.Context) error { return nil }

// Seal implements Log.
func (l *memoryLog) Seal(_ context.Context, t Terminal) error {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	if l.terminal != nil {
		return nil
	}
	if l.element != nil {
		own := l.store.caller(l.config.Caller)
		own.open.Remove(l.element)
		l.element = own.sealed.PushBack(l)
	}
	l.terminal = &t
	l.ping()
	return nil
}

// Drop implements Log.
func (l *memoryLog) Drop(context.Context) error {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	l.empty()
	l.dropped = true
	if l.store.byID[l.id] == l {
		delete(l.store.byID, l.id)
	}
	l.ping()
	return nil
}

// Readers implements Log.
func (l *memoryLog) Readers() int {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	return len(l.cursors)
}

// Cancel implements View.
func (l *memoryLog) Cancel(context.Context) error {
	l.owner.Cancel(ErrNoReader)
	return nil
}

func (l *memoryLog) ping() {
	for c := range l.cursors {
		ping(c.news)
	}
}

// last returns the number of the last event in the log, the terminal one included.
func (l *memoryLog) last() int64 {
	last := l.first + int64(len(l.events)) - 1
	if l.terminal != nil {
		last++
	}
	return last
}

// Follow implements View.
func (l *memoryLog) Follow(_ context.Context, after int64, news chan<- struct{}) (Cursor, error) {
	c, err := l.follow(after, news)
	if err != nil {
		return nil, err
	}
	l.owner.ReadersChanged()
	return c, nil
}

func (l *memoryLog) follow(after int64, news chan<- struct{}) (*memoryCursor, error) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	switch {
	case l.dropped || after < l.first-1 || after > l.last():
		return nil, ErrGone
	case l.terminal != nil && after == l.last():
		return nil, ErrEnded
	}
	c := &memoryCursor{log: l, next: after + 1, news: news}
	l.cursors[c] = struct{}{}
	ping(news)
	return c, nil
}

// batchEvents is how many events a reader takes at once. The slice it takes is its own, and takes
// as much memory again as small events do.
const batchEvents = 256

type memoryCursor struct {
	log  *memoryLog
	next int64 // number of the event it wants
	news chan<- struct{}
}

// Take implements Cursor.
func (c *memoryCursor) Take(spare []sse.Event) (Batch, error) {
	l := c.log
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	if l.dropped || c.next < l.first {
		return Batch{}, ErrGone
	}
	clear(spare)
	events, terminal := l.events[c.next-l.first:], l.terminal
	if len(events) > batchEvents {
		events, terminal = events[:batchEvents], nil
		ping(c.news)
	}
	b := Batch{First: c.next, Events: append(spare[:0], events...), Terminal: terminal}
	c.next += int64(len(b.Events))
	return b, nil
}

// Close implements Cursor.
func (c *memoryCursor) Close() {
	if c.detach() {
		c.log.owner.ReadersChanged()
	}
}

func (c *memoryCursor) detach() bool {
	c.log.store.mu.Lock()
	defer c.log.store.mu.Unlock()
	if _, attached := c.log.cursors[c]; !attached {
		return false
	}
	delete(c.log.cursors, c)
	return true
}
