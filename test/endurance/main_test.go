package endurance

import (
	"io"
	"net/http"
	"testing"

	"penstock/test/server"
	"penstock/test/testmodel"
)

func TestMain(m *testing.M) { server.Main(m) }

// client is a client that opens a new connection for every request.
type client struct{ *server.Client }

func newClient(t *testing.T, url string) client {
	c := server.NewClient(t, url)
	c.HTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return client{c}
}

// start runs the test model's server until the test ends, and then checks that nothing is left.
func start(t *testing.T, o testmodel.Options) (client, *testmodel.Server) {
	t.Helper()
	s, err := testmodel.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return newClient(t, s.URL), s
}

// create creates a stream and returns its path.
func (c client) create(input string) (path string) {
	c.Helper()
	r := c.Do(http.MethodPost, "/v1/streams", `{"model":"testmodel","input":`+input+`}`)
	if r.Status != http.StatusCreated {
		c.Fatalf("status %d: %s", r.Status, r.Body)
	}
	return r.Header.Get("Location")
}

// follow reads a stream from where the transcript ends, and returns how that ended: io.EOF if it
// was read to its clean end.
func (c client) follow(path string, transcript *testmodel.Transcript) error {
	var headers []string
	if transcript.LastID != "" {
		headers = []string{"Last-Event-ID", transcript.LastID}
	}
	response, err := c.Send(c.Context(), http.MethodGet, path, "", headers...)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return c.read(response.Body, transcript)
}

// read reads a response into a transcript.
func (c client) read(body io.Reader, transcript *testmodel.Transcript) error {
	id, err := testmodel.Events(body, func(ev testmodel.Event) bool {
		if err := transcript.Add(ev); err != nil {
			c.Error(err)
		}
		return true
	})
	if id != "" {
		transcript.LastID = id
	}
	return err
}

// checkComplete checks that a task was received to its end, which is of that name.
func (c client) checkComplete(transcript testmodel.Transcript, end string) {
	c.Helper()
	if transcript.Words != transcript.Task.Words || transcript.End != end {
		c.Errorf("received %d of %d words, and the end %q instead of %q", transcript.Words, transcript.Task.Words, transcript.End, end)
	}
}
