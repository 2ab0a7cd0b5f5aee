package gate

import "container/list"

// batchEvery is how many permits are given while both interactive and batch work wait, for one that
// goes to batch work.
const batchEvery = 8

// queue holds the waiters of a gate, and decides whose turn it is.
type queue struct {
	rings   [priorities][lengths]ring
	waiting int
	turn    [priorities]Length // which of the lengths is next
	passed  int                // permits in a row that went to interactive work though batch work waited
}

// ring holds the callers that have waiters of one priority and length, the next one first.
type ring struct {
	lines   list.List // of *line
	waiting int
}

// line holds the waiters of one caller in a ring, the first first.
type line struct {
	waiters list.List     // of *Waiter
	element *list.Element // in the ring
}

func (q *queue) ring(t Ticket) *ring { return &q.rings[t.Priority][t.Length] }

// add adds a waiter behind those of its caller; a caller without any gets the last turn.
func (q *queue) add(w *Waiter) {
	t := w.slot.ticket
	r := q.ring(t)
	own := &w.slot.caller.lines[t.Priority][t.Length]
	if *own == nil {
		*own = &line{}
		(*own).element = r.lines.PushBack(*own)
	}
	w.line = *own
	w.element = w.line.waiters.PushBack(w)
	r.waiting++
	q.waiting++
}

// remove takes a waiter out.
func (q *queue) remove(w *Waiter) {
	t := w.slot.ticket
	r := q.ring(t)
	w.line.waiters.Remove(w.element)
	w.element = nil
	r.waiting--
	q.waiting--
	if w.line.waiters.Len() == 0 {
		r.lines.Remove(w.line.element)
		w.slot.caller.lines[t.Priority][t.Length] = nil
	}
}

// waiting returns how many waiters a caller has.
func (c *caller) waiting() (n int) {
	for _, lines := range c.lines {
		for _, l := range lines {
			if l != nil {
				n += l.waiters.Len()
			}
		}
	}
	return n
}

// next takes out the waiter whose turn it is, nil if there is none. long says whether long work may
// have the permit.
func (q *queue) next(long bool) *Waiter {
	interactive, batch := q.choose(Interactive, long), q.choose(Batch, long)
	w := interactive
	switch {
	case w == nil:
		w = batch
	case batch != nil && q.passed >= batchEvery-1:
		w = batch
	}
	switch {
	case w == nil:
		return nil
	case w == batch:
		q.passed = 0
	case batch != nil:
		q.passed++
	}
	t := w.slot.ticket
	q.turn[t.Priority] = (t.Length + 1) % lengths
	q.ring(t).lines.MoveToBack(w.line.element)
	q.remove(w)
	return w
}

// choose returns the waiter of one priority whose turn it is, and leaves it.
func (q *queue) choose(p Priority, long bool) *Waiter {
	for i := range lengths {
		length := (q.turn[p] + i) % lengths
		front := q.rings[p][length].lines.Front()
		if front == nil || length == Long && !long {
			continue
		}
		return front.Value.(*line).waiters.Front().Value.(*Waiter)
	}
	return nil
}

// position returns how many waiters have their turn before w if none comes and none leaves, and one
// more. It does not foresee when long work must leave a permit free.
func (q *queue) position(w *Waiter) int {
	t := w.slot.ticket
	before := 0 // in the same line
	for e := w.element.Prev(); e != nil; e = e.Prev() {
		before++
	}
	n, ahead := before, 1 // callers in front of its own have one turn more
	for e := q.ring(t).lines.Front(); e != nil; e = e.Next() {
		if l := e.Value.(*line); l == w.line {
			ahead = 0
		} else {
			n += min(l.waiters.Len(), before+ahead)
		}
	}
	other := (t.Length + 1) % lengths
	turns := n
	if q.turn[t.Priority] == other {
		turns++
	}
	n += min(q.rings[t.Priority][other].waiting, turns)
	if t.Priority == Interactive {
		n += min(q.of(Batch), (q.passed+n)/(batchEvery-1))
	} else {
		n += min(q.of(Interactive), (n+1)*(batchEvery-1)-q.passed)
	}
	return n + 1
}

// of returns how many waiters of a priority there are.
func (q *queue) of(p Priority) int { return q.rings[p][Short].waiting + q.rings[p][Long].waiting }
