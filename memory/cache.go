package memory

// caches is the account of what caches keep, which belongs to no caller.
const caches = "caches"

// Keep reserves memory for an entry of a cache, until the reservation is closed, or reports that
// the entry must not be kept: it does not fit now, or all caches together would hold more than a
// quarter of the budget.
func (a Account) Keep(bytes int64) (*Reservation, bool) {
	r := a.budget.Account(caches).Reserve(Cache)
	if a.budget != nil && !a.budget.mayCache(bytes) {
		return r, false
	}
	return r, r.Try(bytes)
}

func (b *Budget) mayCache(bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kinds[Cache]+rounded(bytes) <= b.limit/4
}
