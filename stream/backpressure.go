package stream

import (
	"context"

	"penstock/memory"
	"penstock/sse"
)

// appendWaiting adds events one after another, each once there is room for it: the buffer holds it
// with what the reader has not sent, or nothing else is held. It fails with the cause of ctx, with
// ErrNoReader once the reader has gone, and with an *apierr.Error of CodeMemoryExhausted if there
// is no memory for an event although nothing else is held.
func (l *plainLog) appendWaiting(ctx context.Context, events []sse.Event) error {
	for len(events) > 0 {
		n, err := l.addFitting(events)
		if err != nil {
			return err
		}
		events = events[n:]
		if n > 0 {
			continue
		}
		if err := l.awaitRoom(ctx, cost(events[0])); err != nil {
			return err
		}
	}
	return nil
}

// addFitting adds the events that there is room for, and returns how many those are.
func (l *plainLog) addFitting(events []sse.Event) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read && l.news == nil {
		return 0, ErrNoReader
	}
	for _, e := range events {
		held := l.size + l.sending
		if held > 0 && held+cost(e) > l.buffer {
			break
		}
		l.size += cost(e) // before it is copied
		fits := l.count()
		l.size -= cost(e)
		if !fits {
			break
		}
		l.add(e)
		n++
	}
	if n > 0 {
		ping(l.news)
	}
	return n, nil
}

// awaitRoom returns once there may be room for an event of that cost. While something is held, that
// is once the reader has sent something; else what is missing is memory, and it is reserved.
func (l *plainLog) awaitRoom(ctx context.Context, bytes int) error {
	l.mu.Lock()
	empty := l.size+l.sending == 0
	l.mu.Unlock()
	if empty {
		return l.reserve(ctx, bytes)
	}
	select {
	case <-l.room:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// reserve waits for memory. While nothing is held, only the producer changes what is reserved.
func (l *plainLog) reserve(ctx context.Context, bytes int) error {
	reserved := l.account.Reserve(memory.Stream)
	if err := reserved.Grow(ctx, int64(bytes)); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved, l.counted = reserved, bytes
	if l.read && l.news == nil {
		l.uncount()
	}
	return nil
}
