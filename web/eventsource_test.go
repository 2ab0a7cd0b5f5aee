//go:build browser

package web

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"penstock/test/cutproxy"
	"penstock/test/testmodel"
)

// headerSize is more than the header of a response takes.
const headerSize = 600

// Fifty streams run in Chromium, six at a time, and their connections are cut at any byte, any
// number of times: each EventSource receives the text of a stream that was never cut. The model is
// test/testmodel.
//
// Half of the streams are cut by resets, and end by themselves. The page closes the others when
// they are done; their connections are closed in an orderly way as often as reset, once the header
// has arrived. In the header, an orderly close would end the EventSource: Chromium accepts the part
// of an HTTP/1.1 header that has arrived as a complete one, and an EventSource fails without a
// content type.
func TestEventSourceSurvivesCutsAnywhere(t *testing.T) {
	const streams = 50
	seed := rand.Uint64()
	task := testmodel.Task{Words: 20, Pause: "1ms"}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,">`)
	}))
	defer page.Close()
	s, err := testmodel.Start(t.Context(), testmodel.Options{Retry: 10 * time.Millisecond, Origins: []string{page.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	var proxies []*cutproxy.Proxy // one for each stream: no connection brings a second head
	var addresses []string
	for i := range streams {
		random := cutproxy.Random(seed+uint64(i), 1500)
		proxy, err := cutproxy.Listen(t.Context(), strings.TrimPrefix(s.URL, "http://"), func() cutproxy.Cut {
			c := random()
			c.Reset = c.Reset || i%2 == 0 || c.After < headerSize
			return c
		})
		if err != nil {
			t.Fatal(err)
		}
		defer proxy.Close()
		proxies, addresses = append(proxies, proxy), append(addresses, "http://"+proxy.Address()+"/v1/models/testmodel/stream?"+task.Query())
	}

	p := open(t, page.URL, "/")
	list, err := json.Marshal(addresses)
	if err != nil {
		t.Fatal(err)
	}
	type received struct {
		Text   string
		Ends   []string
		Opened int
	}
	all := eval[[]received](t, p, fmt.Sprintf(`(async (addresses) => {
		const listen = (number) => new Promise((resolve) => {
			const source = new EventSource(addresses[number]);
			const received = { Text: "", Ends: [], Opened: 0 };
			source.onopen = () => received.Opened++;
			source.onmessage = (event) => (received.Text += JSON.parse(event.data).text);
			for (const end of ["done", "failed"]) source.addEventListener(end, () => {
				received.Ends.push(end);
				if (number %% 2) resolve(received, source.close());
			});
			source.onerror = () => source.readyState === EventSource.CLOSED && resolve(received);
		});
		const all = [];
		let next = 0;
		const worker = async () => {
			while (next < addresses.length) {
				const number = next++;
				all[number] = await listen(number);
			}
		};
		await Promise.all(Array.from({ length: 6 }, worker));
		return all;
	})(%s)`, list))
	cuts := int64(0)
	for i, stream := range all {
		cuts += proxies[i].Cuts()
		if stream.Text != task.Text() || strings.Join(stream.Ends, " ") != "done" {
			t.Errorf("stream %d, after %d connections: %q, ended %v", i, stream.Opened, stream.Text, stream.Ends)
		}
	}
	if len(all) != streams {
		t.Errorf("%d streams ended", len(all))
	}
	for _, provoked := range []string{"ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "the page asked for http://127.0.0.1:"} {
		p.forgive(provoked)
	}
	t.Logf("seed %d: %d streams, %d connections cut", seed, len(all), cuts)
}
