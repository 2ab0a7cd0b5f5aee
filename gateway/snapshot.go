package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"penstock/engine"
)

// watch adds the engine's own numbers, read at each scrape.
func (m *Metrics) watch(e *engine.Engine) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("penstock_"+name, help, labels, nil)
	}
	m.registry.MustRegister(&snapshots{
		engine:  e,
		permits: desc("gate_permits", "Permits of a gate.", "gate"),
		inUse:   desc("gate_permits_in_use", "Permits held.", "gate"),
		depth:   desc("gate_queue_depth", "Waiting for a permit.", "gate"),
		slots:   desc("gate_slots", "Requests that may be inside a gate: with its permits, and in its queue.", "gate"),
		inside:  desc("gate_slots_in_use", "Requests inside a gate: preparing, waiting or working.", "gate"),
		callers: desc("gate_callers", "Callers that have requests inside a gate.", "gate"),
		loaded:  desc("model_loaded", "1 if the model is ready.", "model"),
		open:    desc("streams_open", "Streams whose producer runs.", "model"),
		readers: desc("stream_readers_open", "Connections that follow a stream."),
	})
}

// snapshots is a prometheus.Collector over engine.Snapshot.
type snapshots struct {
	engine                 *engine.Engine
	permits, inUse, depth  *prometheus.Desc
	slots, inside, callers *prometheus.Desc
	loaded, open, readers  *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (s *snapshots) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.permits, s.inUse, s.depth, s.slots, s.inside, s.callers, s.loaded, s.open, s.readers} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *snapshots) Collect(out chan<- prometheus.Metric) {
	now := s.engine.Snapshot()
	gauge := func(d *prometheus.Desc, v int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	for _, g := range now.Gates {
		gauge(s.permits, g.Permits, g.Name)
		gauge(s.inUse, g.InUse, g.Name)
		gauge(s.depth, g.Waiting, g.Name)
		gauge(s.slots, g.Permits+g.Queue, g.Name)
		gauge(s.inside, g.Inside, g.Name)
		gauge(s.callers, g.Callers, g.Name)
	}
	for _, m := range now.Models {
		ready := 0
		if m.State == engine.StateReady {
			ready = 1
		}
		gauge(s.loaded, ready, m.Name)
		gauge(s.open, m.Streams, m.Name)
	}
	gauge(s.readers, now.Readers)
}
