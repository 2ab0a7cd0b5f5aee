package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"penstock/internal/teller"
)

// eventSource is a browser: it asks with GET, comes back as long as it is cut, and is told at last that there is no more.
func (c *client) eventSource() {
	task, end := c.task()
	told := &teller.Told{Task: task}
	url := c.cut + "/v1/models/teller/stream?" + task.Query()
	c.tally.streams.Add(1)
	c.follow(url, told, (*teller.Told).Take)
	c.whole(told, end)
	if told.LastID == "" || told.End == "" {
		return
	}
	response, err := c.ask(c.ctx, http.MethodGet, url, "", "Last-Event-ID", told.LastID)
	if err != nil {
		return
	}
	defer drain(response)
	if response.StatusCode != http.StatusNoContent {
		c.tally.wrong("%s: status %d after the end", task.JSON(), response.StatusCode)
	}
}

// ownStream starts a stream of its own for several readers, some of whom come late, and may delete it.
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
			told := &teller.Told{Task: task}
			c.follow(c.cut+path, told, (*teller.Told).Take)
			if !deleted {
				c.whole(told, end)
			}
		})
	}
	if deleted {
		time.Sleep(time.Duration(c.r.IntN(100)) * time.Millisecond)
		if response, err := c.ask(c.ctx, http.MethodDelete, c.direct+path, ""); err != nil {
			c.tally.wrong("delete: %w", err)
		} else {
			drain(response)
		}
	}
	all.Wait()
}

// plain posts for a stream that ends with its connection: what comes of it is right as far as it goes.
func (c *client) plain() {
	task, end := c.task()
	response, err := c.ask(c.ctx, http.MethodPost, c.cut+"/v1/models/teller/stream", task.JSON(), "Content-Type", "application/json")
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
	told := &teller.Told{Task: task}
	if err := c.take(response.Body, told, (*teller.Told).Take); err == nil {
		return
	} else if errors.Is(err, io.EOF) || told.End != "" {
		c.whole(told, end)
	}
}

// chat asks OpenAI's way, for an answer that can be resumed.
func (c *client) chat() {
	task, end := c.task()
	response, err := c.ask(c.ctx, http.MethodPost, c.cut+"/v1/chat/completions", chatBody(task), "X-Penstock-Resumable", "1")
	if err != nil {
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return
	}
	c.tally.streams.Add(1)
	told := &teller.Told{Task: task}
	_ = c.take(response.Body, told, (*teller.Told).TakeChat)
	c.follow(c.cut+response.Header.Get("Location"), told, (*teller.Told).TakeChat)
	c.whole(told, end)
}

// leaves begins streams in any way and is gone.
func (c *client) leaves() {
	task, _ := c.task()
	ctx, leave := context.WithTimeout(c.ctx, time.Duration(c.r.IntN(200))*time.Millisecond)
	defer leave()
	ways := []func() (*http.Response, error){
		func() (*http.Response, error) {
			return c.ask(ctx, http.MethodPost, c.direct+"/v1/models/teller/stream", task.JSON())
		},
		func() (*http.Response, error) {
			return c.ask(ctx, http.MethodGet, c.direct+"/v1/models/teller/stream?"+task.Query(), "")
		},
		func() (*http.Response, error) {
			return c.ask(ctx, http.MethodPost, c.direct+"/v1/chat/completions", chatBody(task))
		},
		func() (*http.Response, error) {
			return c.ask(ctx, http.MethodPost, c.direct+"/v1/models/teller:predict", task.JSON())
		},
	}
	if response, err := ways[c.r.IntN(len(ways))](); err == nil {
		c.tally.streams.Add(1)
		drain(response)
	}
}

// stuck begins to read much more than the kernel's buffers hold, and stops reading. It is cut, comes back, and gets it all;
// meanwhile another reader of the same stream has.
func (c *client) stuck() {
	task := teller.Task{Words: 1500, Pad: 8 << 10}
	path := c.create(task)
	if path == "" {
		return
	}
	response, err := c.ask(c.ctx, http.MethodGet, c.direct+path, "")
	if err != nil {
		c.tally.wrong("stuck: %w", err)
		return
	}
	brisk := &teller.Told{Task: task}
	c.follow(c.direct+path, brisk, (*teller.Told).Take)
	c.whole(brisk, "done")
	time.Sleep(settings.WriteTimeout * 2)
	told := &teller.Told{Task: task}
	if err := c.take(response.Body, told, (*teller.Told).Take); err == nil {
		return
	} else if errors.Is(err, io.EOF) {
		c.tally.wrong("a stuck reader was not cut")
	}
	response.Body.Close()
	c.follow(c.direct+path, told, (*teller.Told).Take)
	c.whole(told, "done")
	if response, err := c.ask(c.ctx, http.MethodDelete, c.direct+path, ""); err == nil {
		drain(response)
	}
}
