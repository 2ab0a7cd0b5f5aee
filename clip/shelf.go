package clip

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/semaphore"
)

// A shelf lends memory for pictures that are decoded and wait for their run. How much it lends at one time is bounded: who
// comes when all is lent waits. One half is for requests that bring all their pictures, the other for those with pictures
// to be fetched, which take it first and keep it for as long as the slowest host needs: the others never wait for a host.
type shelf struct {
	size    int // bytes of one picture
	half    int64
	brought *semaphore.Weighted
	fetched *semaphore.Weighted
	memory  sync.Pool // of *[]byte
}

func newShelf(size int, bytes int64) *shelf {
	half := bytes / 2
	return &shelf{
		size: size, half: half, brought: semaphore.NewWeighted(half), fetched: semaphore.NewWeighted(half),
		memory: sync.Pool{New: func() any { return new([]byte) }},
	}
}

// A stack holds the pictures of one request, until it is given back.
type stack struct {
	shelf  *shelf
	room   *semaphore.Weighted
	memory *[]byte
	weight int64
	stop   func() bool // set by keep
}

// take lends memory for some pictures, some of which are to be fetched or none, or waits for it until ctx ends. What asks
// for more than there is gets it all.
func (s *shelf) take(ctx context.Context, pictures int, fetch bool) (*stack, error) {
	room := s.brought
	if fetch {
		room = s.fetched
	}
	weight := min(int64(pictures*s.size), s.half)
	if err := room.Acquire(ctx, weight); err != nil {
		return nil, context.Cause(ctx)
	}
	memory := s.memory.Get().(*[]byte)
	*memory = slices.Grow((*memory)[:0], pictures*s.size)[:pictures*s.size]
	return &stack{shelf: s, room: room, memory: memory, weight: weight}, nil
}

// give gives the memory back. Nobody may look at the stack any more.
func (k *stack) give() {
	k.shelf.memory.Put(k.memory)
	k.room.Release(k.weight)
}

// keep leaves the stack to whoever claims it, or to be given back when ctx ends before that: the request may leave the
// line, and then nobody else would.
func (k *stack) keep(ctx context.Context) { k.stop = context.AfterFunc(ctx, k.give) }

// claim tells whether the stack is still there; then it is the caller's to give back.
func (k *stack) claim() bool { return k.stop() }

func (k *stack) count() int { return len(*k.memory) / k.shelf.size }

// picture is the i-th picture's pixels, as the processor makes them.
func (k *stack) picture(i int) []byte { return (*k.memory)[i*k.shelf.size : (i+1)*k.shelf.size] }
