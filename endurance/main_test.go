package endurance

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"penstock/engine"
	"penstock/internal/teller"
)

// patience ends a test that hangs; none passes or fails by it otherwise.
const patience = 2 * time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a penstock to talk to.
type house struct {
	*testing.T
	url    string
	engine *engine.Engine // nil where the house is another process
	client *http.Client
	ctx    context.Context // the test's, bounded by patience
}

func newHouse(t *testing.T, url string) *house {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return &house{T: t, url: url, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, ctx: ctx}
}

// start runs a teller until the test ends, and then checks that nothing is left of it.
func start(t *testing.T, o teller.Options) *house {
	t.Helper()
	h, err := teller.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	house := newHouse(t, h.URL)
	house.engine = h.Engine
	return house
}

// ask sends a request and returns its answer, whose body the caller closes.
func (h *house) ask(method, path, body string, headers ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(h.ctx, method, h.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return h.client.Do(request)
}

// create starts a stream of its own and returns its path.
func (h *house) create(input string) (path string) {
	h.Helper()
	response, err := h.ask(http.MethodPost, "/v1/streams", `{"model":"teller","input":`+input+`}`)
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusCreated {
		h.Fatalf("status %d: %s", response.StatusCode, body)
	}
	return response.Header.Get("Location")
}

// follow reads a stream on from where told is, and returns how that ended: io.EOF where it was read to its clean end.
func (h *house) follow(path string, told *teller.Told) error {
	var headers []string
	if told.LastID != "" {
		headers = []string{"Last-Event-ID", told.LastID}
	}
	response, err := h.ask(http.MethodGet, path, "", headers...)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return h.hear(response, told)
}

// hear reads an answer.
func (h *house) hear(response *http.Response, told *teller.Told) error {
	id, err := teller.Events(response.Body, func(ev teller.Event) bool {
		if err := told.Take(ev); err != nil {
			h.Error(err)
		}
		return true
	})
	if id != "" {
		told.LastID = id
	}
	return err
}

// whole checks that a task was heard to its end, which is of that name.
func (h *house) whole(told teller.Told, end string) {
	h.Helper()
	if told.Words != told.Task.Words || told.End != end {
		h.Errorf("%d of %d words came, and the end %q, not %q", told.Words, told.Task.Words, told.End, end)
	}
}

// until waits for something that nothing tells of. What it waits for does not depend on time; only patience does.
func (h *house) until(what string, true_ func() bool) {
	h.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !true_() {
		select {
		case <-h.ctx.Done():
			h.Fatalf("%s: did not come", what)
		case <-again.C:
		}
	}
}

// metric is the value of a line of /metrics.
func (h *house) metric(line string) string {
	h.Helper()
	response, err := h.ask(http.MethodGet, "/metrics", "")
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(body), "\n"+line+" ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}
