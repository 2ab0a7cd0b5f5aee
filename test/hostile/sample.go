package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// sample is what the memory was used for at the moment when most was resident, of those looked at.
type sample struct{ resident, golang, live, held float64 }

// watchMemory looks every second until ctx ends.
func (s *target) watchMemory(ctx context.Context) (highest sample) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return highest
		case <-again.C:
		}
		m, err := s.metrics(ctx)
		if err != nil || m["process_resident_memory_bytes"] < highest.resident {
			continue
		}
		highest = sample{
			resident: m["process_resident_memory_bytes"],
			golang:   m["go_memstats_sys_bytes"] - m["go_memstats_heap_released_bytes"], live: m["go_memstats_heap_alloc_bytes"],
		}
		for name, bytes := range m {
			if strings.HasPrefix(name, "penstock_memory_held_bytes") {
				highest.held += bytes
			}
		}
	}
}

func (s sample) print(w io.Writer) {
	fmt.Fprintf(w, "the highest of one sample a second: %.0f MiB resident, of which Go %.0f MiB (%.0f MiB of objects); "+
		"%.0f MiB were held in the budget\n",
		s.resident/(1<<20), s.golang/(1<<20), s.live/(1<<20), s.held/(1<<20))
}
