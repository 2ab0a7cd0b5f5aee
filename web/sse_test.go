//go:build browser

package web

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/chromedp/chromedp"
)

type event struct {
	Type string `json:"type"`
	Data string `json:"data"`
	ID   string `json:"id"`
}

// sse.js in the engine it is written for: every case in one piece, byte by byte, and cut in two
// at every place.
func TestEventStreamParser(t *testing.T) {
	cases := []struct {
		name, stream string
		want         []event
	}{
		{"nothing", "", nil},
		{"one event", "data: a\n\n", []event{{"message", "a", ""}}},
		{"CR", "data: a\r\rdata: b\r\r", []event{{"message", "a", ""}, {"message", "b", ""}}},
		{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", []event{{"message", "a", ""}, {"message", "b", ""}}},
		{"mixed ends", "data: a\r\ndata: b\rdata: c\n\n", []event{{"message", "a\nb\nc", ""}}},
		{"several data lines", "data: a\ndata:\ndata: b\n\n", []event{{"message", "a\n\nb", ""}}},
		{"one space is taken off", "data:  a\ndata:b\n\n", []event{{"message", " a\nb", ""}}},
		{"no colon", "data\n\n", []event{{"message", "", ""}}},
		{"a name lasts for one event", "event: done\ndata: a\n\ndata: b\n\n", []event{{"done", "a", ""}, {"message", "b", ""}}},
		{"an id stays", "id: s-1\ndata: a\n\ndata: b\n\n", []event{{"message", "a", "s-1"}, {"message", "b", "s-1"}}},
		{"an id with NUL is none", "id: a\x00b\ndata: a\n\n", []event{{"message", "a", ""}}},
		{"an empty id", "id: s-1\nid\ndata: a\n\n", []event{{"message", "a", ""}}},
		{"an opening without data", "id: s-0\nretry: 2000\n\ndata: a\n\n", []event{{"message", "a", "s-0"}}},
		{"comments", ": keep-alive\n\n:\ndata: a\n: b\n\n", []event{{"message", "a", ""}}},
		{"unknown fields", "foo: bar\ndata: a\nDATA: b\n\n", []event{{"message", "a", ""}}},
		{"a byte order mark", "\xef\xbb\xbfdata: a\n\n", []event{{"message", "a", ""}}},
		{"only the first one", "\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", []event{{"message", "b", ""}}},
		{"text of several bytes", "data: Grüße 日本 🙂\n\n", []event{{"message", "Grüße 日本 🙂", ""}}},
		{"an event that is not finished", "data: a\n\ndata: b\n", []event{{"message", "a", ""}}},
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(Files()))
	mux.HandleFunc("/blank", func(w http.ResponseWriter, _ *http.Request) { // the page itself would miss its gateway
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="icon.svg">`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	p := open(t, server.URL, "/blank")
	eval[chromedp.Void](t, p, `import("./sse.js").then(({ events }) => {
		globalThis.parse = async (pieces) => {
			const body = new ReadableStream({ start(c) { pieces.forEach((piece) => c.enqueue(piece)); c.close(); } });
			const list = [];
			for await (const event of events(body)) list.push(event);
			return list;
		};
		globalThis.everyWay = async (bytes) => {
			const ways = [[bytes], [...bytes].map((byte) => Uint8Array.of(byte))];
			for (let i = 0; i <= bytes.length; i++) ways.push([bytes.slice(0, i), bytes.slice(i)]);
			return [...new Set((await Promise.all(ways.map(parse))).map((list) => JSON.stringify(list)))];
		};
	})`)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := eval[[]string](t, p, fmt.Sprintf("everyWay(Uint8Array.from(atob(%q), (c) => c.charCodeAt(0)))",
				base64.StdEncoding.EncodeToString([]byte(c.stream))))
			if len(got) != 1 {
				t.Fatalf("it depends on where the stream is cut: %v", got)
			}
			var events []event
			if err := json.Unmarshal([]byte(got[0]), &events); err != nil {
				t.Fatal(err)
			}
			if len(events) != len(c.want) || len(events) > 0 && !reflect.DeepEqual(events, c.want) {
				t.Errorf("got %+v, want %+v", events, c.want)
			}
		})
	}
}
