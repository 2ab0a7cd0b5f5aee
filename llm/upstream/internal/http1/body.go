package http1

import (
	"errors"
	"io"
	"sync"
)

var errClosed = errors.New("the answer's body is closed")

// body is an answer's body. It gives the connection back when it has been read to its end, or closed. Close may be called
// while Read waits.
type body struct {
	from io.Reader
	give func(whole bool)

	mu  sync.Mutex
	err error // why nothing more comes
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if err := b.over(); err != nil {
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

func (b *body) over() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// end gives the connection back, once.
func (b *body) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
		b.give(err == io.EOF) //nolint:errorlint // a whole body's end is io.EOF itself
	}
}
