package testmodel

import (
	"sync"
	"time"

	"penstock/engine"
	"penstock/gateway"
)

// PredictBarrier is an observer, beside the metrics, that stops every predict once it has its
// permit: the predict reports on Permitted and waits, holding the permit, for a value from
// Continue.
type PredictBarrier struct {
	Preprocessed chan struct{} // gets a value for each request whose input has been preprocessed
	Permitted    chan struct{} // gets a value for each predict that has its permit
	Continue     chan struct{}

	mu            sync.Mutex
	holding, most int
}

// NewPredictBarrier returns a barrier for at most that many requests.
func NewPredictBarrier(requests int) *PredictBarrier {
	return &PredictBarrier{
		Preprocessed: make(chan struct{}, requests), Permitted: make(chan struct{}, requests), Continue: make(chan struct{}),
	}
}

// Observe is for Options.Observe.
func (b *PredictBarrier) Observe(m *gateway.Metrics) engine.Observer {
	return barrierObserver{m, b}
}

// Most returns how many predicts held a permit at once, at most.
func (b *PredictBarrier) Most() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.most
}

// count adds to the predicts that hold a permit.
func (b *PredictBarrier) count(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holding += n
	b.most = max(b.most, b.holding)
}

type barrierObserver struct {
	*gateway.Metrics
	barrier *PredictBarrier
}

// Gate implements engine.Observer.
func (o barrierObserver) Gate(name string) engine.GateObserver {
	return barrierGate{o.Metrics.Gate(name), o.barrier}
}

// Model implements engine.Observer.
func (o barrierObserver) Model(name string) engine.ModelObserver {
	return barrierModel{o.Metrics.Model(name), o.barrier}
}

type barrierGate struct {
	engine.GateObserver
	barrier *PredictBarrier
}

// Waited is called by a predict that has just got its permit.
func (g barrierGate) Waited(d time.Duration) {
	g.GateObserver.Waited(d)
	g.barrier.count(+1)
	g.barrier.Permitted <- struct{}{}
	<-g.barrier.Continue
}

type barrierModel struct {
	engine.ModelObserver
	barrier *PredictBarrier
}

// PhaseDone implements engine.ModelObserver.
func (m barrierModel) PhaseDone(p engine.Phase, d time.Duration) {
	m.ModelObserver.PhaseDone(p, d)
	switch p {
	case engine.PhasePreprocess:
		m.barrier.Preprocessed <- struct{}{}
	case engine.PhasePredict:
		m.barrier.count(-1)
	case engine.PhasePostprocess:
	}
}
