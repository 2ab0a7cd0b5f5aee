package http1

import (
	"errors"
	"io"
	"sync"
)

var errClosed = errors.New("the body of the response is closed")

// body is the body of a response. It releases the connection when it has been read to its end, or
// closed. Close may be called while Read waits.
type body struct {
	from    io.Reader
	release func(whole bool)

	mu  sync.Mutex
	err error // why nothing more comes
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if err := b.ended(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	if err != nil {
		b.end(err)
	}
	return n, err
}

// Close implements io.Closer. It never fails.
func (b *body) Close() error {
	b.end(errClosed)
	return nil
}

func (b *body) ended() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// end releases the connection, once.
func (b *body) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
		b.release(err == io.EOF) //nolint:errorlint // a whole body's end is io.EOF itself
	}
}
