package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/gateway"
	"penstock/memory"
	"penstock/test/memnet"
)

// slowBody gives a chunk each time it has waited, for ever.
type slowBody struct {
	ctx   context.Context
	chunk string
	every time.Duration
}

func (b *slowBody) Read(p []byte) (int, error) {
	select {
	case <-time.After(b.every):
		return copy(p, b.chunk), nil
	case <-b.ctx.Done():
		return 0, io.EOF
	}
}

// send posts a body and returns the status and the text of the response.
func send(t *testing.T, client *http.Client, body io.Reader) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/v1/chat/completions", body)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	response, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body) // what comes after the response is not waited for
	return response.StatusCode, string(text)
}

// No chunk is sent at the moment of a deadline: the client could fail at that before it has the
// response.
func TestABodyHasADeadlineAndALeastRate(t *testing.T) {
	for name, c := range map[string]struct {
		chunk string
		every time.Duration
		after time.Duration
		want  string
	}{
		"a byte each 20 s":          {"a", 20 * time.Second, 10 * time.Second, "1 KiB a second"},
		"a byte each 0.9 s":         {"a", 900 * time.Millisecond, 10 * time.Second, "1 KiB a second"},
		"fast enough, without end":  {strings.Repeat("a", 4<<10), 900 * time.Millisecond, 30 * time.Second, "server.body_timeout"},
		"fast at first, then never": {strings.Repeat("a", 20<<10), 19 * time.Second, 20 * time.Second, "1 KiB a second"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				budget := memory.New(1 << 30)
				s := newServer(t, 1, 0, words(nil), func(o *gateway.Options) { o.BodyTimeout, o.Memory = 30*time.Second, budget })
				l := memnet.Listen()
				client := l.Client()
				stop, served := s.begin(t, l)
				ctx, cancel := context.WithCancel(t.Context())
				since := time.Now()
				status, text := send(t, client, &slowBody{ctx, c.chunk, c.every})
				if took := time.Since(since); status != http.StatusRequestTimeout || !strings.Contains(text, c.want) || took > c.after {
					t.Errorf("%d %s after %v", status, text, took)
				}
				cancel()
				client.CloseIdleConnections()
				stop()
				if err := <-served; err != nil {
					t.Error(err)
				}
				if held := budget.Snapshot(); held.Used != 0 || held.Callers != 0 {
					t.Errorf("left: %+v", held)
				}
			})
		})
	}
}

func TestHalfABodyIsRefusedInADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, words(nil))
		l := memnet.Listen()
		client := l.Client()
		stop, served := s.begin(t, l)
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan string, 1)
		go func() {
			status, text := send(t, client, &slowBody{ctx, strings.Repeat("a", 8<<10), time.Second})
			got <- fmt.Sprint(status, text)
		}()
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		stop()
		if text := <-got; !strings.HasPrefix(text, "503") || !strings.Contains(text, "draining") {
			t.Error(text)
		}
		cancel()
		client.CloseIdleConnections()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// What a Content-Length declares reserves nothing; what has arrived is held until the response.
func TestABodyIsReservedAsItArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := memory.New(64 << 20)
		s := newServer(t, 1, 0, words(nil), func(o *gateway.Options) { o.Memory, o.MaxBody = budget, 32<<20 })
		l := memnet.Listen()
		client := l.Client()
		stop, served := s.begin(t, l)
		read, write := io.Pipe()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/v1/chat/completions", read)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 16 << 20
		got := make(chan int, 1)
		go func() {
			response, err := client.Do(r)
			if err != nil {
				t.Error(err)
				got <- 0
				return
			}
			defer response.Body.Close()
			got <- response.StatusCode
		}()
		fmt.Fprint(write, strings.Repeat(" ", 64<<10))
		synctest.Wait()
		if held := budget.Snapshot().Kinds[memory.Body]; held < 64<<10 || held > 256<<10 {
			t.Errorf("%d bytes are reserved for 64 KiB", held)
		}
		others := budget.Account("other").Reserve(memory.Body) // fills what is left
		for others.Try(1 << 20) {
		}
		fmt.Fprint(write, strings.Repeat(" ", 12<<20))
		if status := <-got; status != http.StatusServiceUnavailable {
			t.Errorf("status %d where there is no memory", status)
		}
		write.Close()
		others.Close()
		client.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if held := budget.Snapshot(); held.Used != 0 {
			t.Errorf("left: %+v", held)
		}
	})
}
