package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"penstock/apierr"
	"penstock/memory"
)

// Options configures Streams.
type Options struct {
	Logs   Logs           // keeps the streams that have a lease; nil: in memory, 256 MiB in all
	Limit  int            // how many streams may be open at once; 0: any number
	Memory *memory.Budget // has what plain streams keep for readers that lag; nil: no limit
	Kept   int            // how many ended streams are kept for readers; 0: any number
}

// defaultLogs is how many bytes the logs in memory hold when Options names no Logs.
const defaultLogs = 256 << 20

// storeTimeout bounds calls of a store that no client waits for.
const storeTimeout = 15 * time.Second

// Streams are the streams of one process: those it produces, and, through its Logs, those of
// others that it may read. It is safe for use by many goroutines.
type Streams struct {
	logs    Logs
	limit   int
	kept    int
	budget  *memory.Budget
	readers atomic.Int64

	mu       sync.Mutex
	closed   error // set by Cancel: why no more streams are created
	draining bool
	closing  bool                 // Close has been called
	open     int                  // streams whose producer runs
	byID     map[string]*Stream   // produced here: open, or kept for readers
	ended    map[string][]*Stream // those of byID that have ended and are kept, by caller, the first to end first
	endedAll int
	unread   map[*Stream]bool // ended since Drain, with an end that no reader has taken

	changed chan struct{} // cap 1; pinged when a reader leaves or a stream leaves unread
}

// New returns Streams without any stream.
func New(o Options) *Streams {
	if o.Logs == nil {
		o.Logs = NewMemoryLogs(defaultLogs, nil)
	}
	return &Streams{
		logs: o.Logs, limit: o.Limit, kept: o.Kept, budget: o.Memory, ended: map[string][]*Stream{},
		byID: map[string]*Stream{}, unread: map[*Stream]bool{}, changed: make(chan struct{}, 1),
	}
}

// Readers returns how many connections of this process follow a stream.
func (s *Streams) Readers() int { return int(s.readers.Load()) }

// Open returns the stream of that id that readers may come back to, wherever it is produced, or an
// *apierr.Error with CodeNotFound or CodeLogUnavailable.
func (s *Streams) Open(ctx context.Context, id string) (*Stream, error) {
	if stream, own := s.own(id); own {
		if stream.resumable() {
			return stream, nil
		}
		return nil, notFound(nil)
	}
	view, err := s.logs.Open(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, notFound(err)
	case err != nil:
		return nil, unavailable(fmt.Errorf("open the log: %w", err))
	}
	return &Stream{id: id, info: view.Info(), streams: s, view: view}, nil
}

func notFound(cause error) error {
	return &apierr.Error{
		Code:    apierr.CodeNotFound,
		Message: "there is no such stream, or no longer; start a new one",
		Cause:   cause,
	}
}

// own returns the stream of that id that is produced here, if there is one.
func (s *Streams) own(id string) (*Stream, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stream, ok := s.byID[id]
	return stream, ok
}

// admit adds a new stream, unless there are too many or no more are wanted.
func (s *Streams) admit(stream *Stream) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return s.closed
	}
	if s.limit > 0 && s.open >= s.limit {
		return &apierr.Error{
			Code:       apierr.CodeQueueFull,
			Message:    fmt.Sprintf("%d streams are open, and no more may be; try again later", s.limit),
			RetryAfter: time.Second,
		}
	}
	s.open++
	s.byID[stream.id] = stream
	return nil
}

// release notes that a stream's producer has stopped.
func (s *Streams) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// remove drops a stream that no new reader may open.
func (s *Streams) remove(stream *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, stream.id)
	delete(s.unread, stream)
	if i := slices.Index(s.ended[stream.config.Caller], stream); i >= 0 {
		s.dropEnded(stream.config.Caller, i)
	}
	ping(s.changed)
}

// ending notes that a stream that readers may come back to is about to end.
func (s *Streams) ending(stream *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		s.unread[stream] = true
	}
}

// taken notes that a reader has taken a stream's end.
func (s *Streams) taken(stream *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unread, stream)
	ping(s.changed)
}

// joined and left count readers.
func (s *Streams) joined() { s.readers.Add(1) }

func (s *Streams) left() {
	s.readers.Add(-1)
	ping(s.changed)
}

// Drain makes WaitForReaders wait for readers of streams that end from now on.
func (s *Streams) Drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
}

// WaitForReaders returns once no connection follows a stream any more, or with the context's
// cause. Readers that were cut off from a stream that has ended since Drain are waited for too,
// though for no longer than absence.
func (s *Streams) WaitForReaders(ctx context.Context, absence time.Duration) error {
	timer := time.NewTimer(absence)
	defer timer.Stop()
	for late := false; ; {
		s.mu.Lock()
		unread := len(s.unread)
		s.mu.Unlock()
		if s.readers.Load() == 0 && (late || unread == 0) {
			return nil
		}
		select {
		case <-s.changed:
		case <-timer.C:
			late = true
		case <-ctx.Done():
			return fmt.Errorf("wait for readers to leave: %w", context.Cause(ctx))
		}
	}
}

// Cancel cancels every generation with that cause; Create fails with it from now on. It does not
// wait.
func (s *Streams) Cancel(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = cause
	for _, stream := range s.byID {
		stream.Cancel(cause)
	}
}

// Close deletes the streams that are kept for readers, all at once: a store that is away holds it
// up for as long as one stream. Call it once all producers have ended. A stream that still has
// readers is deleted when the last of them leaves, which waits for that.
func (s *Streams) Close() {
	s.mu.Lock()
	s.closing = true
	kept := slices.Collect(maps.Values(s.byID))
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, stream := range kept {
		all.Go(stream.retire)
	}
	all.Wait()
}

// isClosing reports whether Close has been called: it waits for no stream dropped from now on.
func (s *Streams) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}
