package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"penstock/test/testmodel"
)

// reader is a connection with an event stream.
type reader struct {
	conn     net.Conn
	response *http.Response
}

// open requests an event stream and returns once its header is there.
func (s *server) open(ctx context.Context, method, path, body string) (*reader, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("send the request: %w", err)
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 1<<10), nil) //nolint:bodyclose // closing the connection suffices
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("read the header: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(response.Body)
		conn.Close()
		return nil, fmt.Errorf("%s %s: status %d, %s", method, path, response.StatusCode, text)
	}
	return &reader{conn, response}, nil
}

// create creates a stream and returns its path.
func (s *server) create(ctx context.Context, model, input string) (path string, err error) {
	r, err := s.open(ctx, http.MethodPost, "/v1/streams", `{"model":"`+model+`","input":`+input+`}`)
	if err != nil {
		return "", err
	}
	defer r.conn.Close()
	return r.response.Header.Get("Location"), nil
}

// read reads events until take returns false or the stream has ended cleanly.
func (r *reader) read(take func(testmodel.Event) bool) error {
	if _, err := testmodel.Events(r.response.Body, take); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// first reads the first chunk.
func (r *reader) first() error {
	return r.read(func(ev testmodel.Event) bool { return ev.Seq == 0 })
}

func closeAll(readers []*reader) {
	for _, r := range readers {
		if r != nil {
			r.conn.Close()
		}
	}
}

// openReaders opens readers, a few at a time, and returns when each has its first chunk.
func openReaders(n int, open func(i int) (*reader, error)) ([]*reader, error) {
	readers, errs := make([]*reader, n), make([]error, n)
	slots := make(chan struct{}, 64)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			r, err := open(i)
			if err == nil {
				err = r.first()
			}
			readers[i], errs[i] = r, err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		closeAll(readers)
		line, _, _ := strings.Cut(err.Error(), "\n")
		return nil, fmt.Errorf("open %d readers: %s", n, line)
	}
	return readers, nil
}
