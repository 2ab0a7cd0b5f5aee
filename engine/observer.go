package engine

import (
	"time"

	"penstock/stream"
)

// Observer is notified of what happens in the engine. Its methods are called from many goroutines
// at once and must return quickly.
type Observer interface {
	// Gate returns the observer of one gate: "local", which the local models share, or the name of
	// a model with its own.
	Gate(name string) GateObserver
	// Model returns the observer of one model.
	Model(name string) ModelObserver
}

// GateObserver is notified of what happens at one gate.
type GateObserver interface {
	// Waited is called for each permit given, with the time spent in the queue.
	Waited(time.Duration)
	// Rejected is called when no permit is given.
	Rejected(Rejection)
}

// Rejection is why a request got no permit.
type Rejection string

// The reasons. Those of a full queue and of a caller's share are both apierr.CodeQueueFull.
const (
	RejectedFull     Rejection = "queue_full"
	RejectedShare    Rejection = "caller_share"
	RejectedTimeout  Rejection = "queue_timeout"
	RejectedCanceled Rejection = "canceled"
)

// ModelObserver is notified of what happens with one model.
type ModelObserver interface {
	// Changed is called when the model becomes ready, and with an error when it fails to load or
	// becomes unhealthy, or is still loading because its first check has failed.
	Changed(State, error)
	// PhaseDone is called at the end of each step that ran, in success and in failure.
	PhaseDone(Phase, time.Duration)
	// StreamClosed is called once the producer has stopped. err is nil when it is done.
	StreamClosed(o stream.Outcome, u Usage, err error)
	// Chunks is called when n chunks have been made that came together. wait is how long the first
	// of them took: from the chunk before, or if first, as it is the stream's first, from the
	// stream's opening.
	Chunks(n int, first bool, wait time.Duration)
	// Resumed is called when a reader comes back and goes on where it was.
	Resumed()
}

// Phase is a step of a verb.
type Phase string

// The steps of a Predictor; of a Generator only preprocess has an end worth timing apart from its
// stream's.
const (
	PhasePreprocess  Phase = "preprocess"
	PhasePredict     Phase = "predict"
	PhasePostprocess Phase = "postprocess"
)

// Snapshot is what the engine looks like at one moment.
type Snapshot struct {
	Gates   []GateSnapshot
	Models  []ModelSnapshot // in the order they were added
	Readers int             // connections that follow a stream now
}

// GateSnapshot is one gate's numbers.
type GateSnapshot struct {
	Name                                   string
	Permits, Queue, InUse, Waiting, Inside int
	Callers                                int // that have requests inside
}

// ModelSnapshot is one model's.
type ModelSnapshot struct {
	Name      string
	Kind      string
	State     State
	Reason    string   // why it failed or is unhealthy, for the operator
	Verbs     []string // in the order they were registered
	Streaming bool     // whether one of them is a generator
	Streams   int      // open now
}

// noObserver is the Observer of an engine without one.
type noObserver struct{}

func (noObserver) Gate(string) GateObserver                  { return noObserver{} }
func (noObserver) Model(string) ModelObserver                { return noObserver{} }
func (noObserver) Waited(time.Duration)                      {}
func (noObserver) Rejected(Rejection)                        {}
func (noObserver) Changed(State, error)                      {}
func (noObserver) PhaseDone(Phase, time.Duration)            {}
func (noObserver) StreamClosed(stream.Outcome, Usage, error) {}
func (noObserver) Chunks(int, bool, time.Duration)           {}
func (noObserver) Resumed()                                  {}
