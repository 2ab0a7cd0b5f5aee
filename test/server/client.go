package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Client sends a test's requests to a penstock. Whatever goes wrong on the way fails the test; a
// status does not. Its methods are for the test's goroutine, except Send, which is for any.
type Client struct {
	testing.TB
	URL  string // http://HOST:PORT
	HTTP *http.Client
	ctx  context.Context // the test's, bounded by Patience
}

// NewClient returns a client for a test, which keeps connections open until the test ends.
func NewClient(t testing.TB, url string) *Client {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	transport := &http.Transport{MaxIdleConnsPerHost: 20}
	t.Cleanup(func() {
		cancel()
		transport.CloseIdleConnections()
	})
	return &Client{TB: t, URL: url, HTTP: &http.Client{Transport: transport}, ctx: ctx}
}

// Context returns the context of the client's requests.
func (c *Client) Context() context.Context { return c.ctx }

// Response is a response that has been read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// Error is an error object in the native shape or in OpenAI's.
type Error struct {
	Code, Reason, Message, Param, Type string
	RequestID                          string `json:"request_id"`
}

// Error returns the error object in a response; a response without one fails the test.
func (r Response) Error(t testing.TB) Error {
	t.Helper()
	var body struct{ Error Error }
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil || body.Error.Code == "" || body.Error.Message == "" {
		t.Errorf("status %d and no error object: %q", r.Status, r.Body)
	}
	return body.Error
}

// Send sends a request and returns its response, whose body the caller closes. Headers are pairs of
// a name and a value.
func (c *Client) Send(ctx context.Context, method, path, body string, headers ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	return c.HTTP.Do(request)
}

// Do sends a request and reads its whole response.
func (c *Client) Do(method, path, body string, headers ...string) Response {
	c.Helper()
	response, err := c.Send(c.ctx, method, path, body, headers...)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		c.Fatalf("%s %s: %v after %q", method, path, err, b)
	}
	return Response{response.StatusCode, response.Header, string(b)}
}

// Get sends a GET request.
func (c *Client) Get(path string) Response {
	c.Helper()
	return c.Do(http.MethodGet, path, "")
}

// Post sends JSON.
func (c *Client) Post(path, body string) Response {
	c.Helper()
	return c.Do(http.MethodPost, path, body, "Content-Type", "application/json")
}

// Pending is a request whose response is still to come.
type Pending struct {
	Cancel   context.CancelFunc // closes the connection, as a client that disconnects
	Response chan Response      // gets the response, or a zero one if it was canceled
}

// PostAsync sends JSON without waiting for the response. The test's end waits for the request's.
func (c *Client) PostAsync(path, body string) Pending {
	ctx, cancel := context.WithCancel(c.ctx)
	p := Pending{cancel, make(chan Response, 1)}
	done := make(chan struct{})
	c.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		result := Response{}
		defer func() { p.Response <- result }()
		response, err := c.Send(ctx, http.MethodPost, path, body, "Content-Type", "application/json")
		if err != nil {
			return
		}
		defer response.Body.Close()
		if b, err := io.ReadAll(response.Body); err == nil {
			result = Response{response.StatusCode, response.Header, string(b)}
		}
	}()
	return p
}
