package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// lister is a server that lists models by what the test sets, and counts the requests.
type lister struct {
	requests atomic.Int64
	respond  atomic.Pointer[http.HandlerFunc]
}

func listing200(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}

func newLister(f http.HandlerFunc) *lister {
	l := &lister{}
	l.respond.Store(&f)
	return l
}

func (l *lister) set(f http.HandlerFunc) { l.respond.Store(&f) }

func (l *lister) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.requests.Add(1)
	(*l.respond.Load())(w, r)
}

// patterned gives a fixture's model a pattern as its name, and its servers these models.
func patterned(log io.Writer, models ...string) func(*Config) {
	return func(c *Config) {
		c.Name = "router/*"
		c.Log = logTo(log)
		for i, m := range models {
			c.Servers[i].Model = m
		}
	}
}

const someModels = `{"object":"list","has_more":false,"data":[{"id":"meta/one:free","pricing":{"prompt":"0"}},{"id":7},{"id":""},{"no":"id"},{"id":"two"},{"id":"a\nb"},{"id":"two"}]}`

func (f *fixture) names(ctx context.Context) []string {
	f.t.Helper()
	names, err := f.model.List(ctx)
	if err != nil {
		f.t.Error(err)
	}
	return names
}

func TestAPatternListsWhatItsServersList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newLister(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" || r.URL.Path != "/v1/models" || r.Header.Get("Authorization") != "Bearer sk-secret-a" {
				t.Errorf("%s %s with %v", r.Method, r.URL, r.Header)
			}
			io.WriteString(w, someModels)
		})
		b := newLister(listing200(`[{"id":"b/three"},{"id":"c/four"},{"id":"b/two"}]`))
		c := newLister(listing200(`{"data":[{"id":"five"}]}`))
		f := newFixture(t, patterned(io.Discard, "*", "b/*", "five"), a, b, c)
		defer f.close()
		want := []string{"router/meta/one:free", "router/two", "router/three"}
		if got := f.names(t.Context()); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		time.Sleep(listFresh - time.Second)
		f.names(t.Context())
		if a.requests.Load() != 1 || b.requests.Load() != 1 || c.requests.Load() != 0 {
			t.Errorf("%d, %d and %d requests", a.requests.Load(), b.requests.Load(), c.requests.Load())
		}
		a.set(listing200(`{"data":[{"id":"new"}]}`))
		time.Sleep(2 * time.Second)
		if got, want := f.names(t.Context()), []string{"router/new", "router/three", "router/two"}; !slices.Equal(got, want) {
			t.Errorf("after a while %q", got)
		}
	})
}

func TestAListThatFailsKeepsWhatItHad(t *testing.T) {
	for name, fail := range map[string]http.HandlerFunc{
		"a status":        func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "sk-secret-a", http.StatusUnauthorized) },
		"a page":          listing200("<html>"),
		"a string":        listing200(`"models"`),
		"no data":         listing200(`{"models":[]}`),
		"data of nothing": listing200(`{"data":null}`),
		"a cut":           listing200(`{"data":[{"id":"x"}`),
		"a redirection": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://b.test/v1/models", http.StatusFound)
		},
		"silence": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"without an end": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"data":[`)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, `{"no":"`+strings.Repeat("x", 1<<20)+`"},`); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &lockedBuilder{}
				a := newLister(fail)
				f := newFixture(t, patterned(log, "*"), a)
				defer f.close()
				begin := time.Now()
				if got := f.names(t.Context()); got != nil || time.Since(begin) > listTimeout {
					t.Errorf("%q after %v", got, time.Since(begin))
				}
				f.names(t.Context()) // not requested again at once
				if a.requests.Load() != 1 {
					t.Errorf("%d requests", a.requests.Load())
				}
				a.set(listing200(`{"data":[{"id":"x"}]}`))
				time.Sleep(listAgain)
				if got := f.names(t.Context()); !slices.Equal(got, []string{"router/x"}) {
					t.Errorf("later %q", got)
				}
				a.set(fail)
				for range 3 {
					time.Sleep(listFresh)
					if got := f.names(t.Context()); !slices.Equal(got, []string{"router/x"}) {
						t.Errorf("when it fails again %q", got)
					}
				}
				if lines := strings.Count(log.String(), "\n"); lines != 2 || strings.Contains(log.String(), "sk-secret") {
					t.Errorf("%d lines: %s", lines, log)
				}
			})
		})
	}
}

// Many clients are one request to the server; the one that sends it may leave.
func TestOneRequestIsForAllThatList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a := newLister(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
				io.WriteString(w, someModels)
			case <-r.Context().Done():
			}
		})
		f := newFixture(t, patterned(io.Discard, "*"), a)
		defer f.close()
		first, leave := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		clients.Go(func() { f.names(first) })
		synctest.Wait()
		for range 10 {
			clients.Go(func() {
				if got := f.names(t.Context()); len(got) != 2 {
					t.Errorf("%q", got)
				}
			})
		}
		synctest.Wait()
		if a.requests.Load() != 1 {
			t.Errorf("%d requests", a.requests.Load())
		}
		leave()
		synctest.Wait()
		close(release)
		clients.Wait()
		if a.requests.Load() != 1 {
			t.Errorf("%d requests after the first client left", a.requests.Load())
		}
	})
}

// Clients that wait for less than a server takes get its list, or learn at once that there is none.
func TestAListComesForClientsThatLeave(t *testing.T) {
	const slow, patience = 3 * time.Second, time.Second
	for name, test := range map[string]struct {
		respond http.HandlerFunc
		want    []string
	}{
		"a slow server": {func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(slow)
			io.WriteString(w, `{"data":[{"id":"x"}]}`)
		}, []string{"router/x"}},
		"a silent server": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newLister(test.respond)
				f := newFixture(t, patterned(io.Discard, "*"), a)
				defer f.close()
				ask := func() (names []string) {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					return f.names(ctx)
				}
				ask()
				begin := time.Now()
				if got := ask(); !slices.Equal(got, test.want) || time.Since(begin) > 0 || a.requests.Load() != 1 {
					t.Errorf("%q after %v, %d requests", got, time.Since(begin), a.requests.Load())
				}
			})
		})
	}
}

func TestAListIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newLister(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"data":[`)
			for i := range 2 * maxListed {
				fmt.Fprintf(w, `{"id":"m%d"},`, i)
			}
			io.WriteString(w, `{"id":"last"}]}`)
		})
		f := newFixture(t, patterned(io.Discard, "*"), a)
		defer f.close()
		if got := f.names(t.Context()); len(got) != maxListed {
			t.Errorf("%d names", len(got))
		}
	})
}

// lockedBuilder is a strings.Builder for several goroutines.
type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns what has been written.
func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
