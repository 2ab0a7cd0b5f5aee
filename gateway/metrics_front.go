package gateway

import "github.com/prometheus/client_golang/prometheus"

// frontMetrics count what happens before a request has a handler, and what is refused.
type frontMetrics struct {
	open        prometheus.Gauge
	connections *prometheus.CounterVec // refused or broken off, by reason
	requests    *prometheus.CounterVec // refused, by code
}

func newFrontMetrics(r prometheus.Registerer) frontMetrics {
	f := frontMetrics{
		open: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "penstock", Name: "connections_open", Help: "Connections of clients that are open."}),
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "penstock", Name: "connections_refused_total",
			Help: "Connections that were refused or broken off before a request had a handler, by reason.",
		}, []string{"reason"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "penstock", Name: "requests_refused_total",
			Help: "Requests that were refused, by the error's code.",
		}, []string{"code"}),
	}
	r.MustRegister(f.open, f.connections, f.requests)
	return f
}

// CountDroppedLines adds the number of log lines that were dropped, which read returns.
func (m *Metrics) CountDroppedLines(read func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "penstock", Name: "log_lines_dropped_total",
		Help: "Log lines that were dropped, as the log was not read or could not be written.",
	}, func() float64 { return float64(read()) }))
}
