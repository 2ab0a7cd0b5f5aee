package dialect

import (
	"slices"
	"sync"
)

// ignored are the names of a request's parameters that a model works without. Its methods may be
// called from many goroutines.
type ignored struct {
	mu    sync.Mutex
	names []string
}

// Ignore records parameters that the model works without, by their names in the request, which are
// reported to the client. It is called by the model's check of the request: what is recorded after
// the response has begun is not reported.
func (i *ignored) Ignore(names ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, name := range names {
		if !slices.Contains(i.names, name) {
			i.names = append(i.names, name)
		}
	}
}

// Ignored returns the recorded names, sorted.
func (i *ignored) Ignored() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Sorted(slices.Values(i.names))
}
