package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"penstock/logging"
)

// pipe is a reader of a log that can be stuck or closed.
type pipe struct {
	stuck chan struct{} // receives once for each write; nil: never stuck

	mu   sync.Mutex
	fail error
	part int // bytes that are taken before fail
	text bytes.Buffer
}

func (p *pipe) Write(b []byte) (int, error) {
	if p.stuck != nil {
		<-p.stuck
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		p.text.Write(b[:p.part])
		return p.part, p.fail
	}
	return p.text.Write(b)
}

func (p *pipe) set(fail error, part int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail, p.part = fail, part
}

func (p *pipe) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func closed(t *testing.T, l *logging.Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestLinesAreWrittenInOrderAndByCloseAtTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipe{}
		l := logging.New(p, logging.Options{Level: slog.LevelInfo, Format: logging.JSON})
		for i := range 100 {
			l.Logger().Info("line", "n", i)
			l.Logger().Debug("is below the level")
		}
		closed(t, l)
		d := json.NewDecoder(strings.NewReader(p.String()))
		for i := range 100 {
			var line struct{ N int }
			if err := d.Decode(&line); err != nil || line.N != i {
				t.Fatalf("line %d: %+v, %v", i, line, err)
			}
		}
		if _, err := d.Token(); err != io.EOF || l.Dropped() != 0 {
			t.Errorf("then %v, %d dropped", err, l.Dropped())
		}
	})
}

func TestAStuckLogBlocksNoCallAndSaysLaterHowManyLinesAreMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipe{stuck: make(chan struct{})}
		l := logging.New(p, logging.Options{Queue: 1000})
		l.Logger().Info("first")
		synctest.Wait() // it is being written
		for range 1000 {
			l.Logger().Info("a line of some length")
		}
		dropped := l.Dropped()
		if dropped < 900 || dropped == 1000 {
			t.Errorf("%d of 1000 lines were dropped", dropped)
		}
		close(p.stuck)
		synctest.Wait()
		l.Logger().Info("last")
		closed(t, l)
		text := p.String()
		if got := strings.Count(text, "a line of some length"); uint64(got) != 1000-dropped {
			t.Errorf("%d lines were written, %d dropped", got, dropped)
		}
		before, after, ok := strings.Cut(text, "log lines were dropped")
		if !ok || !strings.Contains(before, "first") || !strings.Contains(after, "lines="+itoa(dropped)+"\n") || !strings.Contains(after, "last") {
			t.Errorf("the log:\n%s", text)
		}
		if strings.Count(text, "log lines were dropped") != 1 || l.Dropped() != dropped {
			t.Errorf("%d are counted, and reported more than once:\n%s", l.Dropped(), text)
		}
	})
}

func itoa(n uint64) string { return string(must(json.Marshal(n))) }

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestALogThatCannotBeWrittenLosesLinesAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipe{}
		l := logging.New(p, logging.Options{})
		p.set(syscall.EPIPE, 10)
		l.Logger().Info("lost")
		synctest.Wait()
		p.set(syscall.EPIPE, 0)
		l.Logger().Info("lost too")
		synctest.Wait()
		if l.Dropped() != 2 {
			t.Errorf("%d lines were dropped", l.Dropped())
		}
		p.set(nil, 0)
		l.Logger().Info("arrives")
		closed(t, l)
		lines := strings.Split(p.String(), "\n") // the first is of the write that failed
		if len(lines) != 4 || !strings.Contains(lines[1], "msg=arrives") || !strings.Contains(lines[2], "lines=2") {
			t.Errorf("the log:\n%s", p)
		}
		if l.Dropped() != 2 {
			t.Errorf("%d lines were dropped", l.Dropped())
		}
	})
}

func TestCloseDoesNotWaitForAStuckLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipe{stuck: make(chan struct{})}
		l := logging.New(p, logging.Options{})
		l.Logger().Info("never read")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		since := time.Now()
		if err := l.Close(ctx); err == nil || time.Since(since) != time.Second {
			t.Errorf("%v after %v", err, time.Since(since))
		}
		l.Logger().Info("too late")
		if l.Dropped() != 1 {
			t.Errorf("%d lines were dropped", l.Dropped())
		}
		close(p.stuck)
	})
}

func BenchmarkLine(b *testing.B) {
	l := logging.New(io.Discard, logging.Options{})
	log := l.Logger()
	for b.Loop() {
		log.LogAttrs(b.Context(), slog.LevelInfo, "request", slog.String("request_id", "0123456789abcdef0123456789abcdef"), slog.String("client", "192.0.2.1"),
			slog.String("method", "POST"), slog.String("route", "/v1/chat/completions"), slog.Int("status", 200), slog.String("outcome", "done"),
			slog.Duration("took", time.Second), slog.Int("bytes", 1000), slog.String("model", "m"), slog.Duration("queued", time.Millisecond))
	}
	_ = l.Close(b.Context())
}
