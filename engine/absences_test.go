package engine

import (
	"testing"

	"penstock/stream"
)

// The notice that a reader has gone may come after the one that the stream is over.
func TestALateNoticeKeepsNoStream(t *testing.T) {
	g := newGate("test", GateConfig{Permits: 1}, noObserver{})
	var over stream.Stream
	notice := g.absent("a")
	notice(&over, false)
	notice(&over, true)
	if n := len(g.absences.elements) + len(g.absences.byCaller); n != 0 {
		t.Errorf("%d are kept", n)
	}
}
