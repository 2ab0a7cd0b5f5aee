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

	"penstock/internal/teller"
)

// reader is one connection that an event stream comes on.
type reader struct {
	conn     net.Conn
	response *http.Response
}

// open asks for an event stream and returns once its head is there.
func (s *server) open(ctx context.Context, method, path, body string) (*reader, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("ask: %w", err)
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 1<<10), nil) //nolint:bodyclose // it ends with its connection
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("read the head: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		answer, _ := io.ReadAll(response.Body)
		conn.Close()
		return nil, fmt.Errorf("%s %s: status %d, %s", method, path, response.StatusCode, answer)
	}
	return &reader{conn, response}, nil
}

// create starts a stream of its own and returns its path.
func (s *server) create(ctx context.Context, model, input string) (path string, err error) {
	r, err := s.open(ctx, http.MethodPost, "/v1/streams", `{"model":"`+model+`","input":`+input+`}`)
	if err != nil {
		return "", err
	}
	defer r.conn.Close()
	return r.response.Header.Get("Location"), nil
}

// read hands over events until take has had enough, or the stream has come to its clean end.
func (r *reader) read(take func(teller.Event) bool) error {
	if _, err := teller.Events(r.response.Body, take); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// first reads the first chunk.
func (r *reader) first() error {
	return r.read(func(ev teller.Event) bool { return ev.Seq == 0 })
}

func closeAll(readers []*reader) {
	for _, r := range readers {
		if r != nil {
			r.conn.Close()
		}
	}
}

// crowd opens readers, a few at a time, and returns when each has its first chunk.
func crowd(n int, open func(i int) (*reader, error)) ([]*reader, error) {
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
