package stream_test

import (
	"testing"
	"testing/synctest"
	"time"

	"penstock/stream"
	"penstock/stream/logtest"
)

// Streams that are kept when the process ends are dropped together: with a store that does not
// answer that takes as long as one.
func TestCloseDropsAllStreamsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logtest.Faulty{Logs: stream.NewMemoryLogs(1<<20, nil), Silent: true}
		g := newGenerators(t, stream.Options{Logs: store})
		for range 100 {
			g.start(t, stream.Config{Lease: time.Hour}, ticker(0))
		}
		g.all.Wait()
		store.GoAway()
		began := time.Now()
		g.Close()
		if took := time.Since(began); took > time.Minute {
			t.Errorf("Close took %v", took)
		}
	})
}
