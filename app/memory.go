package app

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"penstock/configs"
	"penstock/memory"
)

// leastMemory is how much the models must leave of the memory limit for requests.
const leastMemory = 256 << 20

// memoryPlan divides runtime.memory_limit between the models and the requests.
type memoryPlan struct {
	limit  int64          // of the process; 0: not known
	budget *memory.Budget // of the requests; nil without a limit
	system fs.FS
	goOwn  bool // GOMEMLIMIT is not given: it is set here
	log    *slog.Logger
}

// planMemory returns the plan, in which requests have what is there before a model is loaded.
func planMemory(c configs.MemoryLimit, log *slog.Logger) (*memoryPlan, error) {
	p := &memoryPlan{system: os.DirFS("/"), goOwn: os.Getenv("GOMEMLIMIT") == "", log: log}
	if p.limit = c.Of(memory.Available(p.system)); p.limit == 0 {
		log.Warn("how much memory there is cannot be found out here: set runtime.memory_limit to a size to bound what requests take")
		return p, nil
	}
	p.budget = memory.New(0)
	return p, p.divide()
}

// divide measures what the process takes apart from its requests, models and their native memory
// included, and gives the rest to the requests: half of it as their budget, half for what is not
// counted, as stacks, buffers of connections, native memory of runs, and above all garbage. If the
// budget could come near what Go may take, Go would collect garbage without a pause while the
// budget is full, and nothing would be served in time.
func (p *memoryPlan) divide() error {
	if p.budget == nil {
		return nil
	}
	debug.FreeOSMemory() // what loading has left behind
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	ours := int64(stats.Sys - stats.HeapReleased) //nolint:gosec // far less than 1<<63
	resident := max(memory.Resident(p.system), ours)
	left := p.limit - (resident - p.budget.Snapshot().Used)
	if left < leastMemory {
		return fmt.Errorf("runtime.memory_limit is %s, of which the models leave %s for requests: give it %s more, or load fewer models",
			mebibytes(p.limit), mebibytes(max(0, left)), mebibytes(leastMemory-left))
	}
	p.budget.SetLimit(left / 2)
	if p.goOwn { // Go does not see native memory
		// An eighth is left for what native memory grows by while models run. With more, Go would
		// have so little above the budget that it collects garbage without a pause.
		limit := p.limit - max(0, resident-ours) - left/8
		debug.SetMemoryLimit(limit)
		p.budget.Watch(pressure(limit))
	}
	return nil
}

// loaded divides the memory again, once the models have been loaded.
func (p *memoryPlan) loaded() error {
	err := p.divide()
	if err == nil && p.budget != nil {
		p.log.Info("memory for requests", "limit", mebibytes(p.limit), "requests", mebibytes(p.budget.Snapshot().Limit))
	}
	return err
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }

// pressureInterval is how old a measurement may be: one costs more than a reservation.
const pressureInterval = 5 * time.Millisecond

// pressure returns a function that reports whether Go has more memory than the limit, which it
// exceeds if garbage is made faster than it can be collected.
func pressure(limit int64) func() bool {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	var measured time.Time
	var above bool
	return func() bool {
		if now := time.Now(); now.Sub(measured) > pressureInterval {
			metrics.Read(sample)
			measured, above = now, int64(sample[0].Value.Uint64()-sample[1].Value.Uint64()) > limit
		}
		return above
	}
}
