package hub_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"penstock/hub"
	"penstock/hub/hubtest"
)

const large = "onnx/vision_model.onnx" // 7000 bytes

// A fault that occurs once is followed by a request for the missing bytes only.
func TestTemporaryFaults(t *testing.T) {
	once := func(f ...hubtest.Fault) []hubtest.Fault { return f }
	for name, test := range map[string]struct {
		faults []hubtest.Fault
		ranges string // of each request for the file's bytes
		waits  []time.Duration
	}{
		"cut":                       {once(hubtest.Cut(1000)), "- 1000-", []time.Duration{time.Second}},
		"cut before its first byte": {once(hubtest.Cut(0)), "- -", []time.Duration{time.Second}},
		"cut twice":                 {once(hubtest.Cut(1000), hubtest.Cut(500)), "- 1000- 1500-", []time.Duration{time.Second, 2 * time.Second}},
		"short without a length":    {once(hubtest.Short(1000)), "- 1000-", []time.Duration{time.Second}},
		"stalls":                    {once(hubtest.Stall(1000, nil)), "- 1000-", []time.Duration{time.Second}},
		"stalls at once":            {once(hubtest.Stall(0, nil)), "- -", []time.Duration{time.Second}},
		"503":                       {once(hubtest.Status(503)), "- -", []time.Duration{time.Second}},
		"429 without a header":      {once(hubtest.Status(429)), "- -", []time.Duration{time.Second}},
		"429 with seconds":          {once(hubtest.Status(429, "Retry-After", "7")), "- -", []time.Duration{7 * time.Second}},
		"429 with a date":           {once(hubtest.Status(429, "Retry-After", "Sat, 01 Jan 2000 00:01:00 GMT")), "- -", []time.Duration{time.Minute}},
		"429 with RateLimit":        {once(hubtest.Status(429, "RateLimit", `"resolvers";r=0;t=55`)), "- -", []time.Duration{56 * time.Second}},
		"an expired signature":      {once(hubtest.Cut(10), hubtest.Status(403)), "- 10- 10-", []time.Duration{time.Second, 2 * time.Second}},
		"damaged in transit":        {once(hubtest.Damage(5)), "- -", []time.Duration{time.Second}},
		"damaged before a cut":      {once(hubtest.Damage(5), hubtest.Cut(100)), "- - 100-", []time.Duration{time.Second, 2 * time.Second}},
		"no support for ranges":     {once(hubtest.Cut(1000), hubtest.Body(vision)), "- 1000-", []time.Duration{time.Second}},
		"416":                       {once(hubtest.Cut(1000), hubtest.Status(416)), "- 1000- -", []time.Duration{time.Second, 2 * time.Second}},
		"another range":             {once(hubtest.Cut(1000), hubtest.Header("Content-Range", "bytes 500-6499/7000")), "- 1000- -", []time.Duration{time.Second, 2 * time.Second}},
		"another content":           {once(hubtest.Cut(1000), hubtest.Header("ETag", `"new"`)), "- 1000- -", []time.Duration{time.Second, 2 * time.Second}},
		"a weak ETag":               {once(hubtest.Cut(0), hubtest.Header("ETag", `W/"weak"`)), "- -", []time.Duration{time.Second}},
		"no ETag":                   {once(hubtest.Header("ETag", "")), "-", nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := hubtest.New(id, model())
			inBubble(t, h, func(t *fixture) {
				h.On(large, test.faults...)
				if err := t.fetch(t.snapshot()); err != nil {
					t.Fatal(err)
				}
				if got := t.content(); !maps.Equal(got, model()) {
					t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(got)))
				}
				var ranges []string
				for _, r := range t.requests(large) {
					ranges = append(ranges, strings.TrimPrefix(r.Range, "bytes="))
					if r.Range == "" {
						ranges[len(ranges)-1] = "-"
					} else if r.IfRange == "" {
						t.Errorf("the range %s came without If-Range", r.Range)
					}
				}
				if got := strings.Join(ranges, " "); got != test.ranges {
					t.Errorf("ranges %s, want %s", got, test.ranges)
				}
				if !slices.Equal(t.progress.waits, test.waits) {
					t.Errorf("waited %v, want %v", t.progress.waits, test.waits)
				}
			})
		})
	}
}

// A permanent fault is an error, and leaves the folder as it was.
func TestPermanentFaults(t *testing.T) {
	always := func(f hubtest.Fault) []hubtest.Fault { return slices.Repeat([]hubtest.Fault{f}, 50) }
	for name, test := range map[string]struct {
		on     string
		faults []hubtest.Fault
		list   func(*hubtest.Entry)
		is     error  // nil: none in particular
		want   string // in the error
		tries  int    // requests for the file's bytes
	}{
		"503":                              {on: large, faults: always(hubtest.Status(503)), want: "given up after 6 attempts: store.hub.test returns status 503", tries: 6},
		"503 from the hub":                 {on: "resolve " + large, faults: always(hubtest.Status(503)), want: "given up after 6 attempts: hub.test returns status 503"},
		"retry after an hour":              {on: large, faults: always(hubtest.Status(429, "Retry-After", "3600")), want: "retry after 1h0m0s", tries: 1},
		"no byte ever":                     {on: large, faults: always(hubtest.Cut(0)), want: "cut off after 0 of 7000 bytes", tries: 6},
		"a byte at a time":                 {on: large, faults: always(hubtest.Cut(1)), want: "cut off after 6 of 7000 bytes", tries: 6},
		"always silent":                    {on: large, faults: always(hubtest.Stall(0, nil)), want: "store.hub.test: no data for 30s", tries: 6},
		"always damaged":                   {on: large, faults: always(hubtest.Damage(5)), is: hub.ErrContradiction, want: "another checksum", tries: 2},
		"too long":                         {on: large, faults: always(hubtest.Body(vision + "!")), is: hub.ErrContradiction, want: "with 7000 bytes and sends 7001", tries: 1},
		"too short":                        {on: large, faults: always(hubtest.Body(vision[1:])), is: hub.ErrContradiction, want: "with 7000 bytes and sends 6999", tries: 1},
		"compressed":                       {on: large, faults: always(hubtest.Header("Content-Encoding", "gzip")), is: hub.ErrContradiction, want: "compressed", tries: 1},
		"another commit":                   {on: "resolve " + large, faults: always(hubtest.Header("X-Repo-Commit", strings.Repeat("1", 40))), is: hub.ErrContradiction, want: "from commit"},
		"another size in the redirect":     {on: "resolve " + large, faults: always(hubtest.Header("X-Linked-Size", "6999")), is: hub.ErrContradiction, want: "with 7000 bytes and sends 6999"},
		"another checksum in the redirect": {on: "resolve " + large, faults: always(hubtest.Header("X-Linked-ETag", `"`+strings.Repeat("1", 64)+`"`)), is: hub.ErrContradiction, want: "another checksum"},
		"endless redirects":                {on: "resolve " + large, faults: always(hubtest.To("/" + id + "/resolve/" + hubtest.New(id, model()).Revision() + "/" + large)), want: "redirects more than 10 times"},
		"a redirect to a file":             {on: "resolve " + large, faults: always(hubtest.To("file:///etc/passwd")), want: "redirects without a usable Location"},
		"gone from the hub":                {on: "resolve " + large, faults: always(hubtest.Status(404, "X-Error-Code", "EntryNotFound")), is: hub.ErrNotFound, want: "hub.test has no " + large},
		"gone from the store":              {on: large, faults: always(hubtest.Status(404)), want: "store.hub.test, where the hub keeps its files, returns status 404", tries: 6},
		"a size that is too long":          {list: misreport(func(e *hubtest.Entry) { e.LFS.Size++ }), is: hub.ErrContradiction, want: "7001 bytes and sends 7000"},
		"a size that is too short":         {list: misreport(func(e *hubtest.Entry) { e.LFS.Size-- }), is: hub.ErrContradiction, want: "6999 bytes and sends 7000"},
		"a checksum that does not match":   {list: misreport(func(e *hubtest.Entry) { e.LFS.OID = strings.Repeat("a", 64) }), is: hub.ErrContradiction, want: "another checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			h := hubtest.New(id, model())
			h.List = test.list
			inBubble(t, h, func(t *fixture) {
				h.On(test.on, test.faults...)
				err := t.fetch(t.snapshot(), large)
				if err == nil || (test.is != nil && !errors.Is(err, test.is)) || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("%v, want %v: %s", err, test.is, test.want)
				}
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("the error shows a signature or the token: %v", err)
				}
				if got := len(t.requests(large)); test.tries > 0 && got != test.tries {
					t.Errorf("%d requests, want %d", got, test.tries)
				}
				for path := range t.content() {
					if !strings.HasPrefix(path, ".pull/") {
						t.Errorf("%s is in the folder", path)
					}
				}
			})
		})
	}
}

func misreport(by func(*hubtest.Entry)) func(*hubtest.Entry) {
	return func(e *hubtest.Entry) {
		if e.Path == large {
			by(e)
		}
	}
}

func TestContentThatChangesDuringAFetch(t *testing.T) {
	h := hubtest.New(id, model())
	inBubble(t, h, func(t *fixture) {
		s := t.snapshot()
		h.On(large, func(w http.ResponseWriter, r *http.Request, normal http.HandlerFunc) {
			defer h.Swap(large, strings.ToUpper(vision))
			hubtest.Cut(1000)(w, r, normal)
		})
		err := t.fetch(s, large)
		if !errors.Is(err, hub.ErrContradiction) {
			t.Error(err)
		}
		if sent := t.requests(large); len(sent) != 3 || sent[1].Range != "bytes=1000-" || sent[2].Range != "" {
			t.Errorf("requests: %+v", sent)
		}
		h.Swap(large, vision)
		if err := t.fetch(s, large); err != nil {
			t.Error(err)
		}
	})
}

func TestALargeFileArrivesOverABadConnection(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 1<<16*12) // 12 MiB
	h := hubtest.New(id, map[string]string{"big.bin": big})
	inBubble(t, h, func(t *fixture) {
		h.On("big.bin", slices.Repeat([]hubtest.Fault{hubtest.Cut(1<<20 + 1)}, 11)...)
		if err := t.fetch(t.snapshot()); err != nil {
			t.Fatal(err)
		}
		if got := t.content()["big.bin"]; got != big {
			t.Errorf("%d bytes arrived", len(got))
		}
	})
}

func TestAServerThatAlwaysStartsOverIsGivenUp(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 1<<16*4)
	h := hubtest.New(id, map[string]string{"big.bin": big})
	inBubble(t, h, func(t *fixture) {
		h.On("big.bin", slices.Repeat([]hubtest.Fault{func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			hubtest.Cut(3<<20)(w, r, func(w http.ResponseWriter, r *http.Request) { hubtest.Body(big)(w, r, nil) })
		}}, 50)...)
		if err := t.fetch(t.snapshot()); err == nil || !strings.Contains(err.Error(), "given up") {
			t.Error(err)
		}
		if n := len(t.requests("big.bin")); n > 7 {
			t.Errorf("%d requests", n)
		}
	})
}
