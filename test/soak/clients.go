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

	"penstock/test/testmodel"
)

// runClients runs clients, each of which behaves in one way after another until ctx ends. What a
// client has begun then, it finishes.
func runClients(ctx context.Context, keys []string, seed uint64, direct, cut string, t *tally) {
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	behaviors := []func(*client){
		(*client).eventSource, (*client).eventSource, (*client).ownStream, (*client).ownStream,
		(*client).plain, (*client).chat, (*client).disconnects,
	}
	var all sync.WaitGroup
	for i, key := range keys {
		c := &client{
			ctx: context.WithoutCancel(ctx), http: &http.Client{Transport: transport}, direct: direct, cut: cut, key: key,
			tally: t, r: rand.New(rand.NewPCG(seed, uint64(i)+2)),
		}
		all.Go(func() {
			for ctx.Err() == nil {
				if i == 0 {
					c.stuck()
				} else {
					behaviors[c.r.IntN(len(behaviors))](c)
				}
			}
		})
	}
	all.Wait()
}

// client is one client. It belongs to one goroutine, except send, take and follow.
type client struct {
	ctx         context.Context
	http        *http.Client
	direct, cut string // the penstock's URL, and the proxy's
	key         string
	tally       *tally
	r           *rand.Rand
}

// task returns a random task and the terminal event that its stream must have.
func (c *client) task() (t testmodel.Task, end string) {
	t = testmodel.Task{Words: c.r.IntN(100), Pad: c.r.IntN(50)}
	if c.r.IntN(3) > 0 {
		t.Pause = (time.Duration(c.r.IntN(5000)) * time.Microsecond).String()
	}
	if c.r.IntN(5) == 0 {
		t.End = []string{"fail", "panic"}[c.r.IntN(2)]
		return t, "failed"
	}
	return t, "done"
}

// send sends a request.
func (c *client) send(ctx context.Context, method, url, body string, headers ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(request)
	if err == nil && isRefusal(response.StatusCode) {
		c.tally.refused.Add(1)
		c.tally.wrong("%s %s is refused with status %d", method, request.URL.Path, response.StatusCode)
	}
	return response, err
}

// isRefusal reports whether a status says that a client may not, or may not now.
func isRefusal(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	}
	return false
}

// addFunc is Transcript.Add or AddChat.
type addFunc = func(*testmodel.Transcript, testmodel.Event) error

// take reads a response into a transcript with add, and returns how it ended: nil if add failed.
func (c *client) take(body io.Reader, transcript *testmodel.Transcript, add addFunc) error {
	id, err := testmodel.Events(body, func(ev testmodel.Event) bool {
		if ev.Name == "" && ev.Seq > 0 {
			c.tally.chunks.Add(1)
		}
		if err := add(transcript, ev); err != nil {
			c.tally.wrong("a stream of %s: %w", transcript.Task.JSON(), err)
			return false
		}
		return true
	})
	if id != "" {
		transcript.LastID = id
	}
	return err
}

// follow reads a stream, and resumes it, until it has received its end.
func (c *client) follow(url string, transcript *testmodel.Transcript, add addFunc) {
	for transcript.End == "" {
		var headers []string
		if transcript.LastID != "" {
			headers = []string{"Last-Event-ID", transcript.LastID}
			c.tally.resumes.Add(1)
		}
		response, err := c.send(c.ctx, http.MethodGet, url, "", headers...)
		if err != nil {
			continue // cut before the header was complete
		}
		if response.StatusCode != http.StatusOK {
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			first := transcript.LastID == ""
			empty := transcript.Task.Words == 0 && transcript.Task.End != ""
			switch {
			case err != nil, response.StatusCode == http.StatusTooManyRequests && first:
				continue
			case response.StatusCode == http.StatusInternalServerError && first && empty:
				transcript.End = "failed" // before the first event, the status can still report it
				return
			}
			c.tally.wrong("%s of %s after %d of %d words: status %d, %s",
				response.Request.URL.Path, transcript.Task.JSON(), transcript.Words, transcript.Task.Words, response.StatusCode, body)
			return
		}
		err = c.take(response.Body, transcript, add)
		response.Body.Close()
		if err == nil { // an error has been recorded
			return
		}
		if errors.Is(err, io.EOF) && transcript.End == "" {
			c.tally.wrong("%s: a clean end after %d of %d words", transcript.Task.JSON(), transcript.Words, transcript.Task.Words)
			return
		}
	}
}

// checkComplete checks that a stream was received whole, with the right end.
func (c *client) checkComplete(transcript *testmodel.Transcript, end string) {
	if transcript.Words != transcript.Task.Words || transcript.End != end {
		c.tally.wrong("%s: %d words and the end %q, not %q", transcript.Task.JSON(), transcript.Words, transcript.End, end)
	}
}

// create starts a stream without a reader and returns its path; "" if it was refused.
func (c *client) create(task testmodel.Task) (path string) {
	response, err := c.send(c.ctx, http.MethodPost, c.direct+"/v1/streams", `{"model":"testmodel","input":`+task.JSON()+`}`)
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

// drain reads a response to its end and drops it.
func drain(response *http.Response) {
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
}

func chatBody(task testmodel.Task) string {
	return fmt.Sprintf(`{"model":"testmodel","stream":true,"messages":[{"role":"user","content":%q}]}`, task.JSON())
}
