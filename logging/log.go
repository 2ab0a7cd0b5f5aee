package logging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultQueue is how many bytes may wait to be written where Options names no number.
const DefaultQueue = 1 << 20

// Format is how a line is written.
type Format string

// The formats of slog's two handlers.
const (
	Text Format = "text"
	JSON Format = "json"
)

// Options configures a Log. The zero Options are for text from slog.LevelInfo on.
type Options struct {
	Level  slog.Level
	Format Format
	Queue  int // bytes that may wait to be written; 0: DefaultQueue
}

// Log writes log lines from a queue. It is safe for use by many goroutines.
type Log struct {
	handler slog.Handler
	options Options
	to      io.Writer
	dropped atomic.Uint64

	mu      sync.Mutex
	waiting []byte // whole lines
	closed  bool

	news chan struct{} // cap 1; pinged when there are lines, and when the log closes
	done chan struct{} // closed when the goroutine has returned
}

// New returns a Log that writes to `to`, from one goroutine. Its owner closes it.
func New(to io.Writer, o Options) *Log {
	if o.Queue <= 0 {
		o.Queue = DefaultQueue
	}
	l := &Log{options: o, to: to, news: make(chan struct{}, 1), done: make(chan struct{})}
	l.handler = o.handler((*queue)(l))
	go l.write()
	return l
}

// handler returns the handler of slog that writes lines of the format.
func (o Options) handler(to io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: o.Level}
	if o.Format == JSON {
		return slog.NewJSONHandler(to, options)
	}
	return slog.NewTextHandler(to, options)
}

// Logger returns a Logger whose calls never wait for the log to be written.
func (l *Log) Logger() *slog.Logger { return slog.New(l.handler) }

// Dropped returns how many lines have been dropped: because the queue was full, writing failed, or
// the Log was closed.
func (l *Log) Dropped() uint64 { return l.dropped.Load() }

// Close writes what waits, until ctx ends. Lines logged from then on are dropped. The error is the
// context's cause: then the Log's goroutine is left waiting for the write that is stuck.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.ping()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("write the last log lines: %w", context.Cause(ctx))
	}
}

func (l *Log) ping() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// queue is a Log as the io.Writer of its handler, which calls Write once for each line.
type queue Log

// Write implements io.Writer. It does not wait and does not fail.
func (q *queue) Write(line []byte) (int, error) {
	l := (*Log)(q)
	l.mu.Lock()
	fits := !l.closed && len(l.waiting)+len(line) <= l.options.Queue
	if fits {
		l.waiting = append(l.waiting, line...)
	} else {
		l.dropped.Add(1)
	}
	l.mu.Unlock()
	if fits {
		l.ping()
	}
	return len(line), nil
}

// write writes what waits until the Log is closed. The queue's two buffers take turns.
func (l *Log) write() {
	defer close(l.done)
	var lines []byte
	reported := uint64(0) // of the lines dropped
	torn := false         // what was written last ended within a line
	for range l.news {
		l.mu.Lock()
		lines, l.waiting = l.waiting, lines[:0]
		closed := l.closed
		missing := l.dropped.Load() - reported // they came after those that waited
		l.mu.Unlock()
		if torn && len(lines) > 0 {
			lines = slices.Insert(lines, 0, '\n')
		}
		n, err := l.to.Write(lines)
		if n > 0 {
			torn = lines[n-1] != '\n'
		}
		if err != nil {
			lost := bytes.Count(lines[n:], []byte("\n"))
			if n == 0 && len(lines) > 0 && lines[0] == '\n' {
				lost-- // that ends the torn line
			}
			l.dropped.Add(uint64(lost))
		} else if missing > 0 {
			if _, err := l.to.Write(l.notice(missing)); err == nil {
				reported += missing
			}
		}
		if closed {
			return
		}
	}
}

// notice returns the line that reports dropped lines.
func (l *Log) notice(missing uint64) []byte {
	var line bytes.Buffer
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines were dropped, as the log was not read or could not be written", 0)
	r.AddAttrs(slog.Uint64("lines", missing))
	_ = l.options.handler(&line).Handle(context.Background(), r) // a buffer takes it
	return line.Bytes()
}
