package stream

import (
	"container/list"

	"penstock/memory"
	"penstock/sse"
)

// callerLogs are the logs of one caller that hold events.
type callerLogs struct {
	used     int
	reserved *memory.Reservation
	open     list.List // of *memoryLog, the one that has held events longest first
	sealed   list.List // of *memoryLog, the one sealed first first
}

// caller returns the logs of a caller.
func (s *memoryLogs) caller(name string) *callerLogs {
	c := s.callers[name]
	if c == nil {
		c = &callerLogs{reserved: s.budget.Account(name).Reserve(memory.Stream)}
		s.callers[name] = c
	}
	return c
}

// give counts bytes that are no longer used.
func (s *memoryLogs) give(name string, n int) {
	c := s.caller(name)
	s.used -= n
	c.used -= n
	c.reserved.Shrink(int64(n))
	if c.used == 0 {
		delete(s.callers, name)
	}
}

// makeRoom drops something other than the last event of the log being written to, of one caller or,
// if that is "", of the one that holds most, and reports whether there was anything.
func (s *memoryLogs) makeRoom(writing *memoryLog, caller string) bool {
	return s.emptySealed(caller) || s.shorten(writing, caller)
}

// emptySealed drops the events of a sealed log. Its terminal event stays, for readers that have had
// all events before it.
func (s *memoryLogs) emptySealed(caller string) bool {
	var most *callerLogs
	for name, c := range s.callers {
		if (caller == "" || name == caller) && c.sealed.Len() > 0 && (most == nil || c.used > most.used) {
			most = c
		}
	}
	if most == nil {
		return false
	}
	l := most.sealed.Front().Value.(*memoryLog)
	l.empty()
	l.ping()
	return true
}

// shorten drops the oldest event of a log that is being written.
func (s *memoryLogs) shorten(writing *memoryLog, caller string) bool {
	var most *memoryLog
	held := 0
	for name, c := range s.callers {
		if caller != "" && name != caller || most != nil && c.used <= held {
			continue
		}
		for e := c.open.Front(); e != nil; e = e.Next() {
			if l := e.Value.(*memoryLog); l != writing || len(l.events) > 1 {
				most, held = l, c.used
				break
			}
		}
	}
	if most == nil {
		return false
	}
	most.dropOldest()
	most.ping()
	return true
}

// lose drops all events and those that there is no memory for: the log goes on after them.
func (l *memoryLog) lose(lost []sse.Event) {
	l.empty()
	l.first += int64(len(lost))
	l.store.give(l.config.Caller, 0) // a caller that holds nothing is removed
	l.ping()
}
