package clip

import (
	"context"
	"slices"
	"sync"

	"penstock/clip/internal/limit"
	"penstock/memory"
)

// imageBuffers is memory for pictures that are decoded and wait for their run. How much of it is in
// use at one time is bounded. One half is for requests that bring all their pictures, the other for
// those with pictures to fetch, which hold their share for as long as the slowest host needs: the
// former never wait for a host.
type imageBuffers struct {
	size             int // bytes of one picture
	brought, fetched *limit.Limit
	memory           sync.Pool // of *[]byte
}

func newImageBuffers(size int, bytes int64) *imageBuffers {
	return &imageBuffers{
		size:    size,
		brought: limit.New("image_buffers", limit.ImageBuffers, bytes/2),
		fetched: limit.New("image_buffers_fetched", limit.ImageBuffers, bytes/2),
		memory:  sync.Pool{New: func() any { return new([]byte) }},
	}
}

// An imageBuffer holds the pictures of one request, until it is released.
type imageBuffer struct {
	buffers *imageBuffers
	hold    *limit.Hold
	held    *memory.Reservation
	memory  *[]byte
	stop    func() bool // set by releaseAfter
}

// acquire waits for memory for some pictures until ctx ends. fetch is set where any of them is to
// be fetched. A request for more than there is waits for all there is, and gets what it needs.
func (b *imageBuffers) acquire(ctx context.Context, holder *limit.Holder, pictures int, fetch bool) (*imageBuffer, error) {
	half := b.brought
	if fetch {
		half = b.fetched
	}
	hold, err := holder.Acquire(ctx, half, int64(pictures*b.size))
	if err != nil {
		return nil, err
	}
	held := memory.From(ctx).Reserve(memory.Picture)
	if err := held.Grow(ctx, int64(pictures*b.size)); err != nil {
		hold.Release()
		return nil, err
	}
	pixels := b.memory.Get().(*[]byte)
	*pixels = slices.Grow((*pixels)[:0], pictures*b.size)[:pictures*b.size]
	return &imageBuffer{buffers: b, hold: hold, held: held, memory: pixels}, nil
}

// release returns the memory. The buffer must not be used any more.
func (b *imageBuffer) release() {
	b.buffers.memory.Put(b.memory)
	b.hold.Release()
	b.held.Close()
}

// releaseAfter releases the buffer when ctx ends, unless it has been claimed. A request whose
// client disconnects leaves the queue of the gate, and then no run ever claims its buffer.
func (b *imageBuffer) releaseAfter(ctx context.Context) { b.stop = context.AfterFunc(ctx, b.release) }

// claim reports whether the buffer has not been released; then the caller has to release it.
func (b *imageBuffer) claim() bool { return b.stop() }

func (b *imageBuffer) count() int { return len(*b.memory) / b.buffers.size }

// picture is the i-th picture's pixels, in the form of the processor.
func (b *imageBuffer) picture(i int) []byte {
	return (*b.memory)[i*b.buffers.size : (i+1)*b.buffers.size]
}
