// Command soak lets many clients of every kind use a penstock for a long time, through a proxy that cuts their connections at
// random bytes, and checks every word that they hear.
//
//	go run -race ./bench/soak -for 10m
//
// The engine and the gateway are the real ones, in this process, so that the race detector sees them; the model is
// internal/teller's, whose text is known. At the end it prints one line, and exits with 1 if a chunk was lost or doubled, an
// end was wrong, or anything is left behind: a permit, a reader, a goroutine. The same seed makes the same clients, though
// not the same run: the kernel and the scheduler have their share in it.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"penstock/internal/cutproxy"
	"penstock/internal/teller"
)

func main() {
	length := flag.Duration("for", 10*time.Minute, "how long")
	clients := flag.Int("clients", 64, "how many at once")
	seed := flag.Uint64("seed", rand.Uint64(), "what makes the clients and the cuts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	line, err := soak(ctx, *length, *clients, *seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	fmt.Println(line)
	if err != nil {
		os.Exit(1)
	}
}

// settings of the penstock: patience is short, so that in ten minutes everything happens often, but where a slow machine would
// outrun it. A client that the scheduler keeps from its connection for seconds must neither pass for one that is stuck, nor
// come back to a stream whose lease is over: then all that it could report is how busy the machine was.
var settings = teller.Options{
	Permits: 48, Buffer: 16 << 20, Total: 512 << 20,
	Heartbeat: 100 * time.Millisecond, WriteTimeout: 5 * time.Second, Retry: time.Minute, Window: 2 * time.Minute, Grace: time.Minute,
}

// soak runs everything, and returns the line that says how it went. The error says what went wrong.
func soak(ctx context.Context, length time.Duration, clients int, seed uint64) (line string, err error) {
	goroutines, before := runtime.NumGoroutine(), memory()
	// Who is interrupted finishes what he has begun, as at the end of the time: until then both are there.
	lasting := context.WithoutCancel(ctx)
	house, err := teller.Start(lasting, settings)
	if err != nil {
		return "", err
	}
	proxy, err := cutproxy.Listen(lasting, strings.TrimPrefix(house.URL, "http://"), cuts(seed))
	if err != nil {
		return "", errors.Join(err, house.Close())
	}
	t := &tally{}
	working, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	crowd(working, clients, seed, house.URL, "http://"+proxy.Address(), t)
	err = errors.Join(t.err(), proxy.Close(), house.Close())
	leaked := left(goroutines)
	if leaked > 0 {
		err = errors.Join(err, fmt.Errorf("%d goroutines are left:\n%s", leaked, stacks()))
	}
	return fmt.Sprintf("soak %s, seed %d: streams %d, chunks %d, cuts %d, resumes %d, lost %d, doubled %d, leaked goroutines %d, memory at start %s, at end %s",
		length, seed, t.streams.Load(), t.chunks.Load(), proxy.Cuts(), t.resumes.Load(), t.lost.Load(), t.doubled.Load(), leaked, before, memory()), err
}

// cuts ends half of all connections, most of them early.
func cuts(seed uint64) func() cutproxy.Cut {
	r := rand.New(rand.NewPCG(seed, 1))
	return func() cutproxy.Cut {
		switch r.IntN(8) {
		case 0, 1, 2, 3:
			return cutproxy.Never()
		case 4:
			return cutproxy.Cut{After: r.Int64N(1 << 20), Reset: r.IntN(2) == 0}
		default:
			return cutproxy.Cut{After: r.Int64N(4000), Reset: r.IntN(2) == 0}
		}
	}
}

// left is how many goroutines there are more than there were, once those that are about to end have ended.
func left(before int) int {
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return 0
		}
		time.Sleep(100 * time.Millisecond)
	}
	return runtime.NumGoroutine() - before
}

func stacks() string {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1) // a buffer takes everything
	return b.String()
}

// memory says how much is alive, and how much is resident where /proc tells.
func memory() string {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	said := fmt.Sprintf("%.1f MiB alive", float64(m.HeapAlloc)/(1<<20))
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(statm)); len(fields) > 1 {
			pages, _ := strconv.Atoi(fields[1])
			said += fmt.Sprintf(" (%d resident)", pages*os.Getpagesize()>>20)
		}
	}
	return said
}
