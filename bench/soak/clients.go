package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"penstock/internal/teller"
)

// crowd lets clients work, one piece after the other, until ctx ends; what they have begun they finish.
func crowd(ctx context.Context, clients int, seed uint64, direct, cut string, t *tally) {
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	ways := []func(*client){(*client).eventSource, (*client).eventSource, (*client).ownStream, (*client).ownStream, (*client).plain, (*client).chat, (*client).leaves}
	var all sync.WaitGroup
	for i := range clients {
		c := &client{ctx: context.WithoutCancel(ctx), http: &http.Client{Transport: transport}, direct: direct, cut: cut, tally: t, r: rand.New(rand.NewPCG(seed, uint64(i)+2))}
		all.Go(func() {
			for ctx.Err() == nil {
				if i == 0 {
					c.stuck()
				} else {
					ways[c.r.IntN(len(ways))](c)
				}
			}
		})
	}
	all.Wait()
}

// client is one of them. It is for one goroutine; those it starts have a random source of their own.
type client struct {
	ctx         context.Context
	http        *http.Client
	direct, cut string // two ways to the penstock
	tally       *tally
	r           *rand.Rand
}

// task is any task, and the end its stream should have.
func (c *client) task() (t teller.Task, end string) {
	t = teller.Task{Words: c.r.IntN(100), Pad: c.r.IntN(50)}
	if c.r.IntN(3) > 0 {
		t.Pause = (time.Duration(c.r.IntN(5000)) * time.Microsecond).String()
	}
	if c.r.IntN(5) == 0 {
		t.End = []string{"fail", "panic"}[c.r.IntN(2)]
		return t, "failed"
	}
	return t, "done"
}

// ask sends a request.
func (c *client) ask(ctx context.Context, method, url, body string, headers ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return c.http.Do(request)
}

// take reads an answer into told, and returns how it ended.
func (c *client) take(body io.Reader, told *teller.Told, check func(*teller.Told, teller.Event) error) error {
	id, err := teller.Events(body, func(ev teller.Event) bool {
		if ev.Name == "" && ev.Seq > 0 {
			c.tally.chunks.Add(1)
		}
		if err := check(told, ev); err != nil {
			c.tally.wrong("a stream of %s: %w", told.Task.JSON(), err)
			return false
		}
		return true
	})
	if id != "" {
		told.LastID = id
	}
	return err
}

// follow comes to a stream, and back to it, until it has heard its end.
func (c *client) follow(url string, told *teller.Told, check func(*teller.Told, teller.Event) error) {
	for told.End == "" {
		var headers []string
		if told.LastID != "" {
			headers = []string{"Last-Event-ID", told.LastID}
			c.tally.resumes.Add(1)
		}
		response, err := c.ask(c.ctx, http.MethodGet, url, "", headers...)
		if err != nil {
			continue // cut before the head was whole
		}
		if response.StatusCode != http.StatusOK {
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			switch {
			case err != nil, response.StatusCode == http.StatusTooManyRequests && told.LastID == "":
				continue
			case response.StatusCode == http.StatusInternalServerError && told.LastID == "" && told.Task.Words == 0 && told.Task.End != "":
				told.End = "failed" // before its first event there was still a status to say it with
				return
			}
			c.tally.wrong("%s of %s after %d of %d words: status %d, %s", response.Request.URL.Path, told.Task.JSON(), told.Words, told.Task.Words, response.StatusCode, body)
			return
		}
		err = c.take(response.Body, told, check)
		response.Body.Close()
		if err == nil { // it was wrong
			return
		}
		if errors.Is(err, io.EOF) && told.End == "" {
			c.tally.wrong("%s: a clean end after %d of %d words", told.Task.JSON(), told.Words, told.Task.Words)
			return
		}
	}
}

// whole checks that a stream was heard to its right end.
func (c *client) whole(told *teller.Told, end string) {
	if told.Words != told.Task.Words || told.End != end {
		c.tally.wrong("%s: %d words and the end %q, not %q", told.Task.JSON(), told.Words, told.End, end)
	}
}

// create starts a stream of its own and returns its path; "" if it could not be.
func (c *client) create(task teller.Task) (path string) {
	response, err := c.ask(c.ctx, http.MethodPost, c.direct+"/v1/streams", `{"model":"teller","input":`+task.JSON()+`}`)
	if err != nil {
		c.tally.wrong("create: %w", err)
		return ""
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusTooManyRequests {
		return ""
	}
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusCreated {
		c.tally.wrong("create: status %d, %s", response.StatusCode, body)
		return ""
	}
	c.tally.streams.Add(1)
	return response.Header.Get("Location")
}

// drain reads an answer that does not matter to its end.
func drain(response *http.Response) {
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
}

func chatBody(task teller.Task) string {
	return fmt.Sprintf(`{"model":"teller","stream":true,"messages":[{"role":"user","content":%q}]}`, task.JSON())
}
