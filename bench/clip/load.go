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

// A turn is one measurement.
type turn struct {
	Rate float64       `json:"requests_per_second"`
	CPU  time.Duration `json:"cpu_ns"`           // of one request, without who asks; 0: not known here
	P50  time.Duration `json:"p50_ns,omitempty"` // of the time to an answer; 0: nobody asked
	P99  time.Duration `json:"p99_ns,omitempty"`
}

func (t turn) String() string {
	if t.P50 == 0 {
		return fmt.Sprintf("%.1f requests/s, %s of a core each", t.Rate, t.CPU.Round(10*time.Microsecond))
	}
	return fmt.Sprintf("%.1f requests/s, %s of a core each, p50 %s, p99 %s", t.Rate, t.CPU.Round(10*time.Microsecond), t.P50.Round(100*time.Microsecond), t.P99.Round(100*time.Microsecond))
}

// loadOf measures a server: as many clients as the settings say post the picture, each again as soon as it is answered.
func loadOf(server process, path string) func(context.Context, settings) (turn, error) {
	return func(ctx context.Context, s settings) (turn, error) {
		body, err := os.ReadFile(picture)
		if err != nil {
			return turn{}, err
		}
		request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
		if _, err := ask(ctx, server.address, request, time.Now().Add(s.turn/8)); err != nil { // warms it up
			return turn{}, err
		}
		before, err := processorTime(server.pid)
		if err != nil {
			return turn{}, err
		}
		group, groupCtx := errgroup.WithContext(ctx)
		took := make([][]time.Duration, s.clients)
		since := time.Now()
		for i := range took {
			group.Go(func() (err error) {
				took[i], err = ask(groupCtx, server.address, request, since.Add(s.turn))
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return turn{}, err
		}
		long := time.Since(since)
		after, err := processorTime(server.pid)
		if err != nil {
			return turn{}, err
		}
		all := slices.Concat(took...)
		slices.Sort(all)
		return turn{
			Rate: float64(len(all)) / long.Seconds(), CPU: (after - before) / time.Duration(len(all)),
			P50: all[len(all)/2], P99: all[len(all)*99/100],
		}, nil
	}
}

// ask is one client: it says how long each answer took. What it does itself is as little as can be, since it takes the
// time of the cores that it measures.
func ask(ctx context.Context, address string, request []byte, until time.Time) ([]time.Duration, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	answers := bufio.NewReader(conn)
	var took []time.Duration
	for {
		since := time.Now()
		if len(took) > 0 && since.After(until) {
			return took, nil
		}
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("it answered %s", response.Status)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return nil, err
		}
		response.Body.Close()
		took = append(took, time.Since(since))
	}
}
