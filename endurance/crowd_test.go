package endurance

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"

	"penstock/internal/teller"
)

// A thousand readers on one stream, which waits for them all: each gets every word, however they come.
func TestAThousandReadersGetItAll(t *testing.T) {
	h := start(t, teller.Options{Permits: 1})
	task := teller.Task{Words: 50, Pause: "20ms"}
	path := h.create(task.JSON())
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			told := teller.Told{Task: task}
			if err := h.follow(path, &told); !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			h.whole(told, "done")
		})
	}
	all.Wait()
	if n := h.metric(`penstock_stream_chunks_total{model="teller"}`); n != "50" {
		t.Errorf("%s chunks were made", n)
	}
	response, err := h.ask(http.MethodDelete, path, "")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}
