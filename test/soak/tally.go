package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"penstock/test/testmodel"
)

// tally counts the events of all clients.
type tally struct {
	streams, chunks, resumes, lost, duplicated atomic.Int64

	refused           atomic.Int64 // requests of clients that should not be
	attacks, repelled atomic.Int64 // requests of hostile clients, and how many of them were refused

	mu     sync.Mutex
	wrongs int     // errors recorded
	errs   []error // the first ones
}

const errorsKept = 20

// wrong records an error.
func (t *tally) wrong(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if s, ok := errors.AsType[*testmodel.SequenceError](err); ok {
		if s.Got > s.Want {
			t.lost.Add(s.Got - s.Want)
		} else {
			t.duplicated.Add(1)
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
	return errors.Join(append(t.errs, fmt.Errorf("%d errors in all", t.wrongs))...)
}
