// Command soak runs many clients of every kind against a penstock for a long time, through a proxy
// that cuts their connections at random bytes, and checks every word that they receive. Beside them
// run hostile clients, from addresses of their own, with one key that has limits or with none. Each
// other client has a key without limits: none of its requests may be refused.
//
//	go run -race ./test/soak -for 10m
//
// The engine and the gateway are the real ones, in this process, so that the race detector sees
// them; the model is test/testmodel, whose text is known. At the end the command prints one line,
// and exits with 1 if a chunk was lost or duplicated, if a stream had the wrong end, if a request
// was refused that should not be or served that should not be, or if anything is left behind: a
// permit, a reader, a goroutine. The same seed makes the same clients, but not
// the same run, which depends on the kernel and the scheduler too.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"penstock/auth"
	"penstock/test/cutproxy"
	"penstock/test/testmodel"
)

func main() {
	length := flag.Duration("for", 10*time.Minute, "how long")
	clients := flag.Int("clients", 64, "how many at once")
	hostile := flag.Int("hostile", 32, "how many hostile clients beside them")
	seed := flag.Uint64("seed", rand.Uint64(), "seed of the clients and the cuts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	line, err := soak(ctx, *length, *clients, *hostile, *seed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	fmt.Println(line)
	if err != nil {
		os.Exit(1)
	}
}

// settings are the penstock's. Times are short, so that in ten minutes everything happens often,
// except where a busy machine would exceed them: a client that the scheduler delays for seconds
// must neither pass for a stuck reader nor resume a stream whose lease is over. Its report would
// then be about the machine.
var settings = testmodel.Options{
	Permits: 48, Buffer: 16 << 20, Total: 512 << 20,
	Heartbeat: 100 * time.Millisecond, WriteTimeout: 5 * time.Second, Retry: time.Minute, Window: 2 * time.Minute, Grace: time.Minute,
}

// soak runs the clients and returns the line to print. The error says what went wrong.
func soak(ctx context.Context, length time.Duration, clients, hostile int, seed uint64) (line string, err error) {
	goroutines, before := runtime.NumGoroutine(), memory()
	// Interrupted clients finish the work that they have begun, as they do at the end of the time:
	// the server and the proxy run until then.
	lasting := context.WithoutCancel(ctx)
	options, keys := settings, newKeys(clients)
	if options.Auth, err = auth.Open(auth.Options{Keys: keys.configured(), Log: slog.New(slog.DiscardHandler)}); err != nil {
		return "", err
	}
	s, err := testmodel.Start(lasting, options)
	if err != nil {
		return "", err
	}
	proxy, err := cutproxy.Listen(lasting, strings.TrimPrefix(s.URL, "http://"), cuts(seed))
	if err != nil {
		return "", errors.Join(err, s.Close())
	}
	t := &tally{}
	working, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() { runHostile(working, hostile, seed, s.URL, keys.hostile, t) })
	runClients(working, keys.clients, seed, s.URL, "http://"+proxy.Address(), t)
	all.Wait()
	err = errors.Join(t.err(), proxy.Close(), s.Close())
	leaked := left(goroutines)
	if leaked > 0 {
		err = errors.Join(err, fmt.Errorf("%d goroutines are left:\n%s", leaked, stacks()))
	}
	const report = "soak %s, seed %d: streams %d, chunks %d, cuts %d, resumes %d, lost %d, duplicated %d, refused %d, " +
		"hostile requests %d (refused %d), leaked goroutines %d, memory at start %s, at end %s"
	return fmt.Sprintf(report, length, seed, t.streams.Load(), t.chunks.Load(), proxy.Cuts(), t.resumes.Load(),
		t.lost.Load(), t.duplicated.Load(), t.refused.Load(), t.attacks.Load(), t.repelled.Load(), leaked, before, memory()), err
}

// cuts cuts half of all connections, most of them early.
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

// left returns how many more goroutines there are than before, once those that are about to end
// have ended.
func left(before int) int {
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return 0
		}
		time.Sleep(100 * time.Millisecond)
	}
	return runtime.NumGoroutine() - before
}

// stacks returns the stacks of all goroutines.
func stacks() string {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1) // writing to a buffer does not fail
	return b.String()
}

// memory describes the memory that is in use and, where there is a /proc, resident.
func memory() string {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	text := fmt.Sprintf("%.1f MiB in use", float64(m.HeapAlloc)/(1<<20))
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(statm)); len(fields) > 1 {
			pages, _ := strconv.Atoi(fields[1])
			text += fmt.Sprintf(" (%d resident)", pages*os.Getpagesize()>>20)
		}
	}
	return text
}
