package engine

import (
	"container/list"
	"sync"

	"penstock/engine/internal/gate"
	"penstock/stream"
)

// absences are the streams at one gate whose reader has gone and may come back: they hold slots and
// permits that no client has any use of for the moment. Of a caller that holds more than its share
// they end early when another caller waits.
type absences struct {
	mu       sync.Mutex
	byCaller map[string]*list.List // of *stream.Stream, the one whose reader has been away longest first
	elements map[*stream.Stream]*list.Element
}

func newAbsences() *absences {
	return &absences{byCaller: map[string]*list.List{}, elements: map[*stream.Stream]*list.Element{}}
}

// note notes whether the reader of a caller's stream has gone, and reports that. It reads the
// stream's state under the lock, as notes of one stream may come in any order: an old one must not
// keep a stream that is over.
func (a *absences) note(caller string, s *stream.Stream) (absent bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !s.Absent() {
		a.remove(caller, s)
		return false
	}
	own := a.byCaller[caller]
	if own == nil {
		own = list.New()
		a.byCaller[caller] = own
	}
	if a.elements[s] == nil {
		a.elements[s] = own.PushBack(s)
	}
	return true
}

// remove forgets a stream. The caller holds a.mu.
func (a *absences) remove(caller string, s *stream.Stream) {
	e, own := a.elements[s], a.byCaller[caller]
	if e == nil {
		return
	}
	delete(a.elements, s)
	own.Remove(e)
	if own.Len() == 0 {
		delete(a.byCaller, caller)
	}
}

// reclaim ends one stream without a reader, if its caller holds more of the gate than its share
// while another waits. It is called when a request has to wait or is refused, and when a reader
// goes: one stream at a time, as each gives back a slot and a permit.
func (a *absences) reclaim(g *gate.Gate) {
	a.mu.Lock()
	none := len(a.elements) == 0
	a.mu.Unlock()
	if none {
		return
	}
	if s := a.take(g.Exceeding()); s != nil {
		s.Cancel(stream.ErrNoReader)
	}
}

// take takes out the first stream of these callers, nil if they have none.
func (a *absences) take(callers []string) *stream.Stream {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, caller := range callers {
		own := a.byCaller[caller]
		for own != nil && own.Len() > 0 {
			s := own.Front().Value.(*stream.Stream)
			a.remove(caller, s)
			if s.Absent() {
				return s
			}
		}
	}
	return nil
}

// absent returns the stream.Config.Absent of a caller's streams.
func (g *namedGate) absent(caller string) func(*stream.Stream) {
	return func(s *stream.Stream) {
		if g.absences.note(caller, s) {
			g.absences.reclaim(g.gate)
		}
	}
}
