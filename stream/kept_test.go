package stream_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"penstock/memory"
	"penstock/sse"
	"penstock/stream"
)

// ended starts a stream of a caller, with one event of some bytes, and ends it.
func ended(t *testing.T, s *stream.Streams, caller string, size int) string {
	t.Helper()
	ctx, p, err := s.Create(t.Context(), stream.Config{Caller: caller, Lease: time.Minute, Detached: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Append(ctx, []sse.Event{{Data: make([]byte, size)}}); err != nil {
		t.Fatal(err)
	}
	p.End(ctx, stream.Terminal{Outcome: stream.OutcomeDone})
	return p.Stream().ID()
}

func isKept(t *testing.T, s *stream.Streams, id string) bool {
	t.Helper()
	_, err := s.Open(t.Context(), id)
	return err == nil
}

// Of the streams that have ended only so many are kept: the caller that has most makes room.
func TestEndedStreamsAreBoundedInNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stream.New(stream.Options{Kept: 10})
		first := ended(t, s, "quiet", 10)
		var loud []string
		for range 20 {
			loud = append(loud, ended(t, s, "loud", 10))
		}
		if s.Kept() != 10 || !isKept(t, s, first) || isKept(t, s, loud[10]) || !isKept(t, s, loud[11]) {
			t.Errorf("%d are kept, the quiet caller's: %v", s.Kept(), isKept(t, s, first))
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if s.Kept() != 0 {
			t.Errorf("%d are left after their window", s.Kept())
		}
	})
}

// The caller whose streams hold most makes room for others, and the budget has what they hold.
func TestTheCallerThatHoldsMostMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := memory.New(1 << 20)
		logs := stream.NewMemoryLogs(64<<10, budget)
		s := stream.New(stream.Options{Logs: logs})
		first := ended(t, s, "quiet", 1<<10)
		for range 200 {
			ended(t, s, "loud", 1<<10)
		}
		view, err := s.Open(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		log, err := logs.Open(t.Context(), view.ID())
		if err != nil {
			t.Fatal(err)
		}
		cursor, err := log.Follow(t.Context(), 0, make(chan struct{}, 1))
		if err != nil {
			t.Fatal("the quiet caller's events made room for the loud one's:", err)
		}
		cursor.Close()
		if held := budget.Snapshot().Kinds[memory.Stream]; held < 32<<10 || held > 192<<10 {
			t.Errorf("%d bytes are reserved", held)
		}
		s.Close()
		if held := budget.Snapshot(); held.Used != 0 || held.Callers != 0 {
			t.Errorf("left: %+v", held)
		}
	})
}

// Where the budget has nothing for a stream's events, its readers fall behind and no one waits.
func TestAStreamWithoutMemoryLosesItsEvents(t *testing.T) {
	budget := memory.New(1 << 20)
	others := budget.Account("other").Reserve(memory.Body)
	for others.Try(8 << 10) {
	}
	more := budget.Account("another").Reserve(memory.Body)
	for more.Try(1) {
	}
	s := stream.New(stream.Options{Logs: stream.NewMemoryLogs(1<<20, budget)})
	for i := range 3 {
		if id := ended(t, s, fmt.Sprint(i), 10); !isKept(t, s, id) {
			t.Error("the stream is gone")
		}
	}
	others.Close()
	more.Close()
	s.Close()
	if held := budget.Snapshot(); held.Used != 0 || held.Callers != 0 {
		t.Errorf("left: %+v", held)
	}
}

// What a reader that lags makes a plain stream keep is reserved, and given back with its reader.
func TestAPlainStreamReservesWhatItKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := memory.New(4 << 20)
		s := stream.New(stream.Options{Memory: budget})
		ctx, p, err := s.Create(t.Context(), stream.Config{Caller: "a", Buffer: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		for range 1 << 10 {
			if err = p.Append(ctx, []sse.Event{{Data: make([]byte, 16<<10)}}); err != nil {
				break
			}
		}
		if held := budget.Snapshot().Kinds[memory.Stream]; !errors.Is(err, stream.ErrSlowReader) || held < 3<<20 {
			t.Errorf("%v with %d bytes", err, held)
		}
		p.End(ctx, stream.Terminal{Outcome: stream.OutcomeFailed})
		if held := budget.Snapshot(); held.Used != 0 || held.Callers != 0 {
			t.Errorf("left: %+v", held)
		}
	})
}
