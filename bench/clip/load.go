package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// sample is one measurement.
type sample struct {
	Rate float64       `json:"requests_per_second"`
	CPU  time.Duration `json:"cpu_ns"`           // of one request, without the client's; 0: unknown
	P50  time.Duration `json:"p50_ns,omitempty"` // of the latency; 0: there are no clients
	P99  time.Duration `json:"p99_ns,omitempty"`
}

func (t sample) String() string {
	if t.P50 == 0 {
		return fmt.Sprintf("%.1f requests/s, %s of a core each", t.Rate, t.CPU.Round(10*time.Microsecond))
	}
	return fmt.Sprintf("%.1f requests/s, %s of a core each, p50 %s, p99 %s", t.Rate, t.CPU.Round(10*time.Microsecond), t.P50.Round(100*time.Microsecond), t.P99.Round(100*time.Microsecond))
}

// loadOf measures a server: each of the clients sends the photo, again as soon as it has the
// response.
func loadOf(server process, path string) func(context.Context, settings) (sample, error) {
	return func(ctx context.Context, s settings) (sample, error) {
		body, err := os.ReadFile(photo)
		if err != nil {
			return sample{}, err
		}
		request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
		if _, err := send(ctx, server.address, request, time.Now().Add(s.duration/8)); err != nil { // warm-up
			return sample{}, err
		}
		before, err := cpuTime(server.pid)
		if err != nil {
			return sample{}, err
		}
		group, groupCtx := errgroup.WithContext(ctx)
		took := make([][]time.Duration, s.clients)
		since := time.Now()
		for i := range took {
			group.Go(func() (err error) {
				took[i], err = send(groupCtx, server.address, request, since.Add(s.duration))
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return sample{}, err
		}
		long := time.Since(since)
		after, err := cpuTime(server.pid)
		if err != nil {
			return sample{}, err
		}
		all := slices.Concat(took...)
		slices.Sort(all)
		return sample{
			Rate: float64(len(all)) / long.Seconds(), CPU: (after - before) / time.Duration(len(all)),
			P50: all[len(all)/2], P99: all[len(all)*99/100],
		}, nil
	}
}

// send is one client, and returns the latency of each response. It does as little as possible,
// since it uses the cores that it measures.
func send(ctx context.Context, address string, request []byte, until time.Time) ([]time.Duration, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	responses := bufio.NewReader(conn)
	var took []time.Duration
	for {
		since := time.Now()
		if len(took) > 0 && since.After(until) {
			return took, nil
		}
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		response, err := http.ReadResponse(responses, nil)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("the status is %s", response.Status)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return nil, err
		}
		response.Body.Close()
		took = append(took, time.Since(since))
	}
}
