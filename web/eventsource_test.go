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
	"penstock/internal/teller"
)

// head is more than the head of an answer takes.
const head = 600

// Fifty streams in Chromium, six at a time, their connections cut at any byte, as often as it happens: each EventSource
// hears the text of one that was never cut. What writes is internal/teller.
//
// Half of them are cut by resets, and end by themselves. Of the others, which the page closes when they are done, those
// connections that have brought the head are closed in good order as often as reset. In the head, that would be the end:
// of plain HTTP, Chromium takes a head that was closed in the middle for a whole one, and an EventSource whose answer has
// no content type gives up.
func TestEventSourceIsCutAnywhere(t *testing.T) {
	const streams = 50
	seed := rand.Uint64()
	task := teller.Task{Words: 20, Pause: "1ms"}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,">`)
	}))
	defer page.Close()
	h, err := teller.Start(t.Context(), teller.Options{Retry: 10 * time.Millisecond, Origins: []string{page.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	var proxies []*cutproxy.Proxy // one for each stream: no connection brings a second head
	var addresses []string
	for i := range streams {
		random := cutproxy.Random(seed+uint64(i), 1500)
		proxy, err := cutproxy.Listen(t.Context(), strings.TrimPrefix(h.URL, "http://"), func() cutproxy.Cut {
			c := random()
			c.Reset = c.Reset || i%2 == 0 || c.After < head
			return c
		})
		if err != nil {
			t.Fatal(err)
		}
		defer proxy.Close()
		proxies, addresses = append(proxies, proxy), append(addresses, "http://"+proxy.Address()+"/v1/models/teller/stream?"+task.Query())
	}

	p := open(t, page.URL, "/")
	list, err := json.Marshal(addresses)
	if err != nil {
		t.Fatal(err)
	}
	type heard struct {
		Text   string
		Ends   []string
		Opened int
	}
	all := eval[[]heard](t, p, fmt.Sprintf(`(async (addresses) => {
		const listen = (number) => new Promise((resolve) => {
			const source = new EventSource(addresses[number]);
			const heard = { Text: "", Ends: [], Opened: 0 };
			source.onopen = () => heard.Opened++;
			source.onmessage = (event) => (heard.Text += JSON.parse(event.data).text);
			for (const end of ["done", "failed"]) source.addEventListener(end, () => {
				heard.Ends.push(end);
				if (number %% 2) resolve(heard, source.close());
			});
			source.onerror = () => source.readyState === EventSource.CLOSED && resolve(heard);
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
	for i, s := range all {
		cuts += proxies[i].Cuts()
		if s.Text != task.Text() || strings.Join(s.Ends, " ") != "done" {
			t.Errorf("stream %d, after %d connections: %q, ended %v", i, s.Opened, s.Text, s.Ends)
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
