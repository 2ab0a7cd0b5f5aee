package hub_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/hub"
)

// transport responds to requests without a network.
type transport func(*http.Request) *http.Response

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// respond returns a response to a request of a listing: the commit, or else tree.
func respond(r *http.Request, tree io.Reader, header http.Header) *http.Response {
	response := &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(tree), Request: r}
	if strings.Contains(r.URL.Path, "/revision/") {
		response.Body = io.NopCloser(strings.NewReader(`{"sha":"` + strings.Repeat("a", 40) + `"}`))
	}
	return response
}

// A hub that lists empty pages without an end, or one page a byte at a time, is given up.
func TestAnEndlessListingIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		page func() io.Reader
		want string
	}{
		"pages":      {func() io.Reader { return strings.NewReader("[]") }, "more than 1000 pages"},
		"folders":    {func() io.Reader { return strings.NewReader(`[{"type":"directory","path":"a"}]`) }, "more than 1000 pages"},
		"slow bytes": {func() io.Reader { return drip{} }, "not listed its files after 10m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client, err := hub.New(hub.Options{Endpoint: endpoint, Transport: transport(func(r *http.Request) *http.Response {
					if requests++; requests > 5000 {
						t.Fatal("there is no end to it")
					}
					return respond(r, watched{c.page(), r}, http.Header{"Link": {fmt.Sprintf(`<?cursor=%d>; rel="next"`, requests)}})
				})})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := client.Snapshot(t.Context(), id, "main"); !errors.Is(err, hub.ErrContradiction) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// drip is a body that has a space every 20 s.
type drip struct{}

func (drip) Read(p []byte) (int, error) {
	<-time.After(20 * time.Second) // virtual
	p[0] = ' '
	return 1, nil
}

// watched is a body that ends with its request, as a connection's does.
type watched struct {
	io.Reader
	request *http.Request
}

func (w watched) Read(p []byte) (int, error) {
	if err := w.request.Context().Err(); err != nil {
		return 0, err
	}
	return w.Reader.Read(p)
}
