package httpmodel_test

import (
	"net/http"
	"testing"

	"penstock/engine"
	"penstock/httpmodel"
)

// A server gets no more requests at once than its gate has permits: one of its own, or that of
// local models.
func TestTheGateBoundsRequestsToTheServer(t *testing.T) {
	for name, gate := range map[string]*engine.GateConfig{"shared": nil, "own": {Permits: 1, Queue: 10}} {
		begun, release := make(chan struct{}, 10), make(chan struct{})
		c := config()
		c.Gate = gate
		c.Stream = streamAt(httpmodel.FormatText, serve(t, func(w http.ResponseWriter, _ *http.Request) {
			write(w, "a")
			begun <- struct{}{}
			<-release
		}))
		f := start(t, c)
		one, two := f.PostAsync("/v1/models/m:predict", "1"), f.PostAsync("/v1/models/m:predict", "2")
		<-begun
		f.WaitFor("a request that waits", func() bool {
			for _, g := range f.engine.Snapshot().Gates {
				if g.Waiting == 1 && g.InUse == 1 {
					return (g.Name == engine.SharedGate) == (gate == nil)
				}
			}
			return false
		})
		if len(begun) != 0 {
			t.Errorf("%s: the server has two requests at once", name)
		}
		close(release)
		if a, b := <-one.Response, <-two.Response; a.Status != 200 || b.Status != 200 {
			t.Errorf("%s: %d %d", name, a.Status, b.Status)
		}
	}
}
