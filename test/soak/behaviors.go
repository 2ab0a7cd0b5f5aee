package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"penstock/test/testmodel"
)

// eventSource behaves as a browser: it sends GET, reconnects as long as the connection is cut, and
// receives status 204 after the end.
func (c *client) eventSource() {
	task, end := c.task()
	transcript := &testmodel.Transcript{Task: task}
	url := c.cut + "/v1/models/testmodel/stream?" + task.Query()
	c.tally.streams.Add(1)
	c.follow(url, transcript, (*testmodel.Transcript).Add)
	c.checkComplete(transcript, end)
	if transcript.LastID == "" || transcript.End == "" {
		return
	}
	response, err := c.send(c.ctx, http.MethodGet, url, "", "Last-Event-ID", transcript.LastID)
	if err != nil {
		return
	}
	defer drain(response)
	if response.StatusCode != http.StatusNoContent {
		c.tally.wrong("%s: status %d after the end", task.JSON(), response.StatusCode)
	}
}

// ownStream creates a stream for several readers, some of which come late, and may delete it.
func (c *client) ownStream() {
	task, end := c.task()
	path := c.create(task)
	if path == "" {
		return
	}
	deleted := c.r.IntN(8) == 0
	var all sync.WaitGroup
	for range 1 + c.r.IntN(5) {
		late := time.Duration(c.r.IntN(100)) * time.Millisecond
		all.Go(func() {
			time.Sleep(late)
			transcript := &testmodel.Transcript{Task: task}
			c.follow(c.cut+path, transcript, (*testmodel.Transcript).Add)
			if !deleted {
				c.checkComplete(transcript, end)
			}
		})
	}
	if deleted {
		time.Sleep(time.Duration(c.r.IntN(100)) * time.Millisecond)
		if response, err := c.send(c.ctx, http.MethodDelete, c.direct+path, ""); err != nil {
			c.tally.wrong("delete: %w", err)
		} else {
			drain(response)
		}
	}
	all.Wait()
}

// plain sends POST for a stream that ends with its connection: it checks the part that arrives.
func (c *client) plain() {
	task, end := c.task()
	response, err := c.send(c.ctx, http.MethodPost, c.cut+"/v1/models/testmodel/stream", task.JSON(), "Content-Type", "application/json")
	if err != nil {
		return
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusOK:
	case response.StatusCode == http.StatusTooManyRequests:
		return
	case response.StatusCode == http.StatusInternalServerError && end == "failed" && task.Words == 0:
		return
	default:
		c.tally.wrong("plain: status %d", response.StatusCode)
		return
	}
	c.tally.streams.Add(1)
	transcript := &testmodel.Transcript{Task: task}
	if err := c.take(response.Body, transcript, (*testmodel.Transcript).Add); err == nil {
		return
	} else if errors.Is(err, io.EOF) || transcript.End != "" {
		c.checkComplete(transcript, end)
	}
}

// chat requests a chat completion, of OpenAI's dialect, that can be resumed.
func (c *client) chat() {
	task, end := c.task()
	response, err := c.send(c.ctx, http.MethodPost, c.cut+"/v1/chat/completions", chatBody(task), "X-Penstock-Resumable", "1")
	if err != nil {
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return
	}
	c.tally.streams.Add(1)
	transcript := &testmodel.Transcript{Task: task}
	_ = c.take(response.Body, transcript, (*testmodel.Transcript).AddChat)
	c.follow(c.cut+response.Header.Get("Location"), transcript, (*testmodel.Transcript).AddChat)
	c.checkComplete(transcript, end)
}

// disconnects starts a stream in one of the possible ways, and closes the connection.
func (c *client) disconnects() {
	task, _ := c.task()
	ctx, disconnect := context.WithTimeout(c.ctx, time.Duration(c.r.IntN(200))*time.Millisecond)
	defer disconnect()
	requests := []func() (*http.Response, error){
		func() (*http.Response, error) {
			return c.send(ctx, http.MethodPost, c.direct+"/v1/models/testmodel/stream", task.JSON())
		},
		func() (*http.Response, error) {
			return c.send(ctx, http.MethodGet, c.direct+"/v1/models/testmodel/stream?"+task.Query(), "")
		},
		func() (*http.Response, error) {
			return c.send(ctx, http.MethodPost, c.direct+"/v1/chat/completions", chatBody(task))
		},
		func() (*http.Response, error) {
			return c.send(ctx, http.MethodPost, c.direct+"/v1/models/testmodel:predict", task.JSON())
		},
	}
	if response, err := requests[c.r.IntN(len(requests))](); err == nil {
		c.tally.streams.Add(1)
		drain(response)
	}
}

// stuck requests more than the kernel's buffers hold, and does not read. Its connection is cut; it
// resumes, and receives everything, as another reader of the same stream has meanwhile.
func (c *client) stuck() {
	task := testmodel.Task{Words: 1500, Pad: 8 << 10}
	path := c.create(task)
	if path == "" {
		return
	}
	response, err := c.send(c.ctx, http.MethodGet, c.direct+path, "")
	if err != nil {
		c.tally.wrong("stuck: %w", err)
		return
	}
	fast := &testmodel.Transcript{Task: task}
	c.follow(c.direct+path, fast, (*testmodel.Transcript).Add)
	c.checkComplete(fast, "done")
	time.Sleep(settings.WriteTimeout * 2)
	transcript := &testmodel.Transcript{Task: task}
	if err := c.take(response.Body, transcript, (*testmodel.Transcript).Add); err == nil {
		return
	} else if errors.Is(err, io.EOF) {
		c.tally.wrong("a stuck reader was not cut")
	}
	response.Body.Close()
	c.follow(c.direct+path, transcript, (*testmodel.Transcript).Add)
	c.checkComplete(transcript, "done")
	if response, err := c.send(c.ctx, http.MethodDelete, c.direct+path, ""); err == nil {
		drain(response)
	}
}
