package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"penstock/memory"
	"penstock/stream"
)

// watchMemory adds the numbers of the memory budget and of kept streams, read at each scrape.
func (m *Metrics) watchMemory(b *memory.Budget, s *stream.Streams) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("penstock_"+name, help, labels, nil)
	}
	m.registry.MustRegister(&memoryNumbers{
		budget: b, streams: s,
		limit:   desc("memory_limit_bytes", "What requests may hold together; 0: no limit."),
		held:    desc("memory_held_bytes", "Held against the limit.", "kind"),
		callers: desc("memory_callers", "Callers that hold some of it, or wait for it."),
		waiting: desc("memory_waiting", "Requests that wait for memory."),
		refused: desc("memory_refused_total", "Requests that got none."),
		kept:    desc("streams_kept", "Ended streams that are kept for readers."),
	})
}

type memoryNumbers struct {
	budget                                       *memory.Budget
	streams                                      *stream.Streams
	limit, held, callers, waiting, refused, kept *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (n *memoryNumbers) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{n.limit, n.held, n.callers, n.waiting, n.refused, n.kept} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (n *memoryNumbers) Collect(out chan<- prometheus.Metric) {
	s := n.budget.Snapshot()
	gauge := func(d *prometheus.Desc, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	gauge(n.limit, s.Limit)
	for kind, bytes := range s.Kinds {
		gauge(n.held, bytes, string(kind))
	}
	gauge(n.callers, int64(s.Callers))
	gauge(n.waiting, int64(s.Waiting))
	out <- prometheus.MustNewConstMetric(n.refused, prometheus.CounterValue, float64(s.Refused))
	gauge(n.kept, int64(n.streams.Kept()))
}

// A Limit is what one of a model's own limits bounds, and how much of it is in use.
type Limit struct {
	Name            string
	Capacity, InUse int64
	Waiting         int
}

// WatchLimits adds the limits of a model, read at each scrape.
func (m *Metrics) WatchLimits(model string, read func() []Limit) {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("penstock_"+name, help, []string{"limit"}, prometheus.Labels{"model": model})
	}
	m.registry.MustRegister(&limitNumbers{
		read:     read,
		capacity: desc("limit_capacity", "How much a limit of a model allows: bytes, pictures or fetches."),
		inUse:    desc("limit_in_use", "How much of it is in use."),
		waiting:  desc("limit_waiting", "Requests that wait for it."),
	})
}

type limitNumbers struct {
	read                     func() []Limit
	capacity, inUse, waiting *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (n *limitNumbers) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{n.capacity, n.inUse, n.waiting} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (n *limitNumbers) Collect(out chan<- prometheus.Metric) {
	for _, l := range n.read() {
		out <- prometheus.MustNewConstMetric(n.capacity, prometheus.GaugeValue, float64(l.Capacity), l.Name)
		out <- prometheus.MustNewConstMetric(n.inUse, prometheus.GaugeValue, float64(l.InUse), l.Name)
		out <- prometheus.MustNewConstMetric(n.waiting, prometheus.GaugeValue, float64(l.Waiting), l.Name)
	}
}
