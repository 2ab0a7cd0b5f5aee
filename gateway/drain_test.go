package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/engine"
	"penstock/test/memnet"
)

const wordsStream = "http://localhost/v1/models/words/stream?prompt="

// An EventSource whose connection breaks waits before it reconnects. If its stream ends meanwhile,
// and no other work is left, the drain still waits for it.
func TestADrainWaitsForReadersThatWereCutOff(t *testing.T) {
	for name, reconnects := range map[string]bool{"that reconnect": true, "that do not": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				steps := make(chan struct{})
				s := newServer(t, 1, 0, words(steps))
				l := memnet.Listen()
				client := l.Client()
				stop, served := s.begin(t, l)
				cut := listen(t, client, "GET", wordsStream+"Once+upon", "")
				steps <- struct{}{}
				synctest.Wait()
				cut.leave()
				synctest.Wait()
				stop()
				synctest.Wait()
				steps <- struct{}{} // the rest is generated without a reader
				began := time.Now()
				if reconnects {
					time.Sleep(2 * time.Second)
					<-cut.over
					id := streamID.FindString(cut.text)
					back := listen(t, client, "GET", wordsStream+"Once+upon", "", "Last-Event-ID", id+"-1")
					if got := back.whole(t); back.status != 200 || !strings.Contains(got, "upon") || !strings.Contains(got, "event: done") {
						t.Errorf("after the cut: %d %s", back.status, got)
					}
				}
				client.CloseIdleConnections()
				if err := <-served; err != nil {
					t.Error(err)
				}
				if took := time.Since(began); (reconnects && took >= 7*time.Second) || (!reconnects && took < 7*time.Second) || took > 10*time.Second {
					t.Errorf("the drain took %v", took)
				}
			})
		})
	}
}

// A reader that is slow but steady has as long as the grace for what is generated already.
func TestADrainLetsSlowReadersFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, words(nil))
		l := memnet.Listen()
		client := l.Client()
		stop, served := s.begin(t, l)
		res, err := client.Get(wordsStream + strings.Repeat("word+", 10_000))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		synctest.Wait()
		stop()
		var all strings.Builder
		for {
			_, err := io.CopyN(&all, res.Body, 32<<10)
			if err == io.EOF { //nolint:errorlint // io.EOF itself
				break
			}
			if err != nil {
				t.Fatalf("after %d bytes: %v", all.Len(), err)
			}
			time.Sleep(500 * time.Millisecond)
		}
		if !strings.Contains(all.String(), "event: done") {
			t.Errorf("%d bytes came, and no end", all.Len())
		}
		client.CloseIdleConnections()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// A whole response that is still being generated when the grace is over fails with the drain's
// code.
func TestADrainCancelsWholeResponses(t *testing.T) {
	for path, body := range map[string]string{
		chatPath:                   chatBody(false, "Once upon"),
		"/v1/models/words:predict": `{"prompt":"Once upon"}`,
		"/v1/models/other:predict": `{"prompt":"Once upon"}`,
	} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				steps := make(chan struct{})
				s := newServer(t, 1, 0, func(e *engine.Engine) {
					words(steps)(e)
					engine.Generates(e.Add("other", engine.Lifecycle{Kind: "test"}), "stream", engine.Generator[promptInput, []string, string]{
						Preprocess: func(context.Context, promptInput) ([]string, error) { return []string{"one"}, nil },
						Generate:   repeat(steps, func(word string) string { return word }),
					})
				})
				l := memnet.Listen()
				client := l.Client()
				stop, served := s.begin(t, l)
				response := listen(t, client, "POST", "http://localhost"+path, body)
				synctest.Wait()
				stop()
				began := time.Now()
				<-response.over
				if took := time.Since(began); response.status != http.StatusServiceUnavailable || !strings.Contains(response.text, `"code":"draining"`) || took != time.Minute {
					t.Errorf("after %v: %d %s", took, response.status, response.text)
				}
				response.leave()
				client.CloseIdleConnections()
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// When the grace is over, streams are canceled, and their readers can still connect to learn it.
func TestTheListenerClosesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, func(e *engine.Engine) {
			engine.Generates(e.Add("words", engine.Lifecycle{Kind: "test"}), "stream", engine.Generator[promptInput, struct{}, string]{
				Preprocess: func(context.Context, promptInput) (struct{}, error) { return struct{}{}, nil },
				Generate: func(ctx context.Context, _ struct{}, _ func(...string) error) (engine.End, error) {
					<-ctx.Done()
					time.Sleep(time.Second) // it is slow to stop
					return engine.End{}, ctx.Err()
				},
			})
		})
		l := memnet.Listen()
		client := l.Client()
		stop, served := s.begin(t, l)
		_, url := create(t, s, "Once")
		stop()
		time.Sleep(time.Minute + 500*time.Millisecond)
		late := listen(t, client, "GET", "http://localhost"+url, "")
		if got := late.whole(t); late.status != http.StatusServiceUnavailable || !strings.Contains(got, "the server is going down") {
			t.Errorf("after the grace: %d %s", late.status, got)
		}
		client.CloseIdleConnections()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// promptInput is the input of generators without a decoder of their own.
type promptInput struct {
	Prompt string `json:"prompt"`
}
