package failover_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"penstock/failover"
)

func Example() {
	broken := httptest.NewServer(http.NotFoundHandler())
	broken.Close() // it refuses connections
	works := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a cat") }))
	defer works.Close()
	urls := []string{broken.URL, works.URL}

	pool := failover.New(failover.Config{
		Model: "cats", Servers: []failover.Server{{Name: "a", Priority: 1, Weight: 1}, {Name: "b", Priority: 2, Weight: 1}},
		FailoverAfter: 10 * time.Second, Total: time.Minute,
		Log: slog.New(slog.DiscardHandler),
	})
	loop := &failover.Attempts{Pool: pool}
	f := loop.Run(context.Background(), func(ctx context.Context, q *failover.Sequence) *failover.Failure {
		ctx, watchdog := q.Watch(ctx, time.Second)
		defer watchdog.Stop()
		response, f := watchdog.Send(ctx, 30*time.Second, failover.NoHead, func(ctx context.Context) (*http.Response, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, urls[q.Server()], nil)
			if err != nil {
				return nil, err
			}
			return http.DefaultTransport.RoundTrip(r)
		})
		if f != nil {
			return f
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return failover.Rejected(response.StatusCode, response.Header)
		}
		watchdog.Set(10*time.Second, failover.Silence)
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return failover.Broken(ctx, err)
		}
		if !q.Lead() {
			return failover.Canceled(failover.ErrLost)
		}
		fmt.Printf("server %d sent %s\n", q.Server(), body)
		return nil
	})
	if f != nil {
		fmt.Println(f)
	}
	// Output: server 1 sent a cat
}
