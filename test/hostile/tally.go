package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

// tally counts how the tries of each kind of attack ended, by the response's status. 0 stands for
// those that got no response: the server closed the connection, or the attacker gave up.
type tally struct {
	mu    sync.Mutex
	kinds map[string]map[int]int
}

func newTally() *tally { return &tally{kinds: map[string]map[int]int{}} }

func (t *tally) add(kind string, status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds[kind] == nil {
		t.kinds[kind] = map[int]int{}
	}
	t.kinds[kind][status]++
}

// count returns how many tries there were, and how many ended with a status from low to high.
func (t *tally) count(kind string, low, high int) (tries, within int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for status, n := range t.kinds[kind] {
		tries += n
		if status >= low && status <= high {
			within += n
		}
	}
	return tries, within
}

func (t *tally) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "attack\ttries\tserved\trefused\tbroken off\tby status")
	for _, k := range kinds() {
		tries, served := t.count(k.name, 200, 399)
		_, refused := t.count(k.name, 400, 599)
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\n", k.name, tries, served, refused, tries-served-refused, t.statuses(k.name))
	}
	_ = table.Flush() // to standard output
}

func (t *tally) statuses(kind string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []string
	for _, status := range slices.Sorted(maps.Keys(t.kinds[kind])) {
		if status >= 400 {
			list = append(list, fmt.Sprintf("%d: %d", status, t.kinds[kind][status]))
		}
	}
	return strings.Join(list, ", ")
}
