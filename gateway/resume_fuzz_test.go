package gateway_test

import (
	"fmt"
	"math/big"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"penstock/gateway"
)

// No path but a stream's own id opens the stream; and any last event id, as a header or in the
// query, gives the rest after just that event, or the status that it should.
func FuzzStreamIDs(f *testing.F) {
	s := newServer(f, 1, 1, words(nil), func(o *gateway.Options) { o.Window = 24 * time.Hour })
	f.Cleanup(func() { _ = s.Close() })
	const text = "alpha beta gamma"
	const terminal = 4 // the number of its terminal event
	id, _ := create(f, s, text)
	s.record(request("GET", "/v1/streams/"+id, "")) // until it is over
	canonical := regexp.MustCompile(`^` + id + `-(0|[1-9][0-9]*)$`)

	for _, last := range []string{"", "-0", "-1", "-3", "-4", "-5", "-00", "-1 ", "--1", "-+1", "-0x1", "-1e0", "-9223372036854775807", "-9223372036854775808", "\x00-1", "-１"} {
		f.Add(id, id+last, false)
		f.Add(id, id+last, true)
		f.Add(id, last, false)
	}
	for _, other := range []string{"", ".", "..", "/", id + "/", strings.ToUpper(id), id[1:], id + "0", " " + id, id + "-1", "%" + id, id + "\x00", id + "?x", strings.Repeat("0", 32)} {
		f.Add(other, id+"-1", false)
	}
	f.Fuzz(func(t *testing.T, path, last string, inQuery bool) {
		target := "/v1/streams/" + url.PathEscape(path)
		if inQuery {
			target += "?last_event_id=" + url.QueryEscape(last)
		}
		r := httptest.NewRequest("GET", "http://localhost"+target, nil)
		if !inQuery {
			r.Header["Last-Event-Id"] = []string{last}
		}
		w := s.record(r)
		body := w.Body.String()
		if path != id {
			if w.Code < 300 || strings.Contains(body, "alpha") {
				t.Errorf("%q opened %d %s", path, w.Code, body)
			}
			return
		}
		want, after := 400, 0
		if last == "" {
			want = 200
		} else if m := canonical.FindStringSubmatch(last); m != nil {
			n, _ := new(big.Int).SetString(m[1], 10)
			switch {
			case !n.IsInt64():
			case n.Int64() > terminal:
				want = 410
			case n.Int64() == terminal:
				want = 204
			default:
				want, after = 200, int(n.Int64())
			}
		}
		if w.Code != want {
			t.Fatalf("%q: %d %s, not %d", last, w.Code, body, want)
		}
		if want == 200 && (!strings.HasPrefix(body, fmt.Sprintf("id: %s-%d\nretry:", id, after)) || strings.Count(body, "\ndata: {\"text\"") != terminal-1-after || !strings.Contains(body, "event: done")) {
			t.Errorf("after %d: %s", after, body)
		}
	})
}
