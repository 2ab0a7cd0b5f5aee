package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"penstock/internal/teller"
)

// tally counts what all clients have seen.
type tally struct {
	streams, chunks, resumes, lost, doubled atomic.Int64

	mu     sync.Mutex
	wrongs int
	errs   []error // the first ones
}

const errorsKept = 20

// wrong notes what should not be.
func (t *tally) wrong(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if s, ok := errors.AsType[*teller.SequenceError](err); ok {
		if s.Got > s.Want {
			t.lost.Add(s.Got - s.Want)
		} else {
			t.doubled.Add(1)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrongs++
	if len(t.errs) < errorsKept {
		t.errs = append(t.errs, err)
	}
}

func (t *tally) err() error {
	if t.wrongs == 0 {
		return nil
	}
	return errors.Join(append(t.errs, fmt.Errorf("%d things went wrong", t.wrongs))...)
}
