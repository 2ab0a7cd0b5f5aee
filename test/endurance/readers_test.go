package endurance

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"

	"penstock/test/testmodel"
)

// A thousand readers follow one stream, which lasts until all are there: each receives every word,
// whenever it comes.
func TestAThousandReadersReceiveEveryWord(t *testing.T) {
	c, _ := start(t, testmodel.Options{Permits: 1})
	task := testmodel.Task{Words: 50, Pause: "20ms"}
	path := c.create(task.JSON())
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			transcript := testmodel.Transcript{Task: task}
			if err := c.follow(path, &transcript); !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			c.checkComplete(transcript, "done")
		})
	}
	all.Wait()
	if n := c.Metric(chunks); n != 50 {
		t.Errorf("the model generated %v chunks", n)
	}
	c.Do(http.MethodDelete, path, "")
}
