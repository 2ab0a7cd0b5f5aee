package gateway_test

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// widest is a connection that records the size of its largest write.
type widest struct {
	recorder
	most int
}

func (w *widest) Write(b []byte) (int, error) {
	w.most = max(w.most, len(b))
	return w.recorder.Write(b)
}

// A reader that opens a long stream late gets it in batches: a write has a deadline, which is for
// readers that are stuck and not for those far behind, and a thousand readers must not need a
// thousand copies of the log.
func TestALongBacklogIsSentInBatches(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	_, url := create(t, s, strings.Repeat(strings.Repeat("z", 999)+" ", 900))
	s.record(request("GET", url, "")) // until it is over
	w := &widest{recorder: recorder{httptest.NewRecorder()}}
	s.ServeHTTP(w, request("GET", url, ""))
	if got := strings.Count(w.Body.String(), "z"); got != 999*900 || !strings.Contains(w.Body.String(), "event: done") {
		t.Errorf("%d letters came", got)
	}
	if w.most > 128<<10 {
		t.Errorf("%d bytes in one write", w.most)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
