package auth

import (
	"fmt"
	"sync"
	"time"
)

// maxAccounts is how many subjects of tokens have accounts at most, beside the keys.
const maxAccounts = 100_000

// sweepInterval is how often accounts that are no longer needed are looked for at most.
const sweepInterval = time.Second

// accounts are the accounts of all callers by name. Those of keys stay; one of a token's subject is
// dropped once nothing that it has used counts any more, as a new one would be the same.
type accounts struct {
	dirty chan struct{} // cap 1; pinged when there is something to save
	count counted

	mu       sync.Mutex
	byName   map[string]*account
	subjects map[string]bool // the names that may be dropped
	swept    time.Time
	saved    map[string]record // from the state file, of callers that have not come yet
	most     int
}

func newAccounts() *accounts {
	return &accounts{
		dirty:  make(chan struct{}, 1),
		count:  counted{byName: map[string]*counters{}},
		byName: map[string]*account{}, subjects: map[string]bool{}, most: maxAccounts,
	}
}

func (a *accounts) changed() {
	select {
	case a.dirty <- struct{}{}:
	default:
	}
}

// ofKey returns the account of a key, with these limits from now on.
func (a *accounts) ofKey(name string, l Limits) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	if own, ok := a.byName[name]; ok {
		own.setLimits(l)
		return own
	}
	return a.open(name, l, name)
}

// ofSubject returns the account of a token's subject; counter names its counters.
func (a *accounts) ofSubject(name string, l Limits, counter string) (*account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if own, ok := a.byName[name]; ok {
		own.setLimits(l) // a new token may have another value of the claim
		return own, nil
	}
	if len(a.subjects) >= a.most && !a.sweep() {
		return nil, fmt.Errorf("%w: %d", ErrTooMany, len(a.subjects))
	}
	a.subjects[name] = true
	return a.open(name, l, counter), nil
}

// open makes a new account, with what the state file has of it. The caller holds a.mu.
func (a *accounts) open(name string, l Limits, counter string) *account {
	own := newAccount(l, a.count.of(counter), a.changed)
	if r, ok := a.saved[name]; ok {
		r.restore(own)
		delete(a.saved, name)
	}
	a.byName[name] = own
	return own
}

// sweep drops the subjects' accounts that are as new ones, and reports whether there is room now.
// The caller holds a.mu.
func (a *accounts) sweep() bool {
	if now := time.Now(); now.Sub(a.swept) >= sweepInterval {
		a.swept = now
		for name := range a.subjects {
			if !a.byName[name].spent() {
				delete(a.byName, name)
				delete(a.subjects, name)
			}
		}
	}
	return len(a.subjects) < a.most
}
