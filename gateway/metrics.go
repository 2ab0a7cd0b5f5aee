package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"penstock/dialect"
	"penstock/engine"
	"penstock/stream"
)

// Buckets in seconds: of whole requests, of waiting and computing, and of the gaps between a
// stream's chunks.
var (
	requestBuckets = []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60, 300}
	phaseBuckets   = []float64{.0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30}
	gapBuckets     = []float64{.001, .005, .01, .02, .05, .1, .2, .5, 1, 5, 30}
)

// Metrics are the gateway's Prometheus metrics. They are the engine's Observer too, so they are
// made before both; what happens to a model apart from any request is also logged.
type Metrics struct {
	registry *prometheus.Registry
	log      *slog.Logger

	requests       *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	gateWait       *prometheus.HistogramVec
	gateRejected   *prometheus.CounterVec
	phases         *prometheus.HistogramVec
	firstChunk     *prometheus.HistogramVec
	chunkGap       *prometheus.HistogramVec
	chunks         *prometheus.CounterVec
	streams        *prometheus.CounterVec
	tokens         *prometheus.CounterVec
	estimated      *prometheus.CounterVec
	readersDropped *prometheus.CounterVec
	upstream       *prometheus.CounterVec
	resumes        prometheus.Counter
	front          frontMetrics
}

// NewMetrics returns metrics in a registry of their own, with those of Go and of the process.
func NewMetrics(version string, log *slog.Logger) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), log: log}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "penstock", Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "penstock", Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(v)
		return v
	}
	m.requests = counter("http_requests_total", "Requests served.", "route", "method", "code")
	m.duration = histogram("http_request_duration_seconds", "From a request's head to its response's end.", requestBuckets, "route")
	m.gateWait = histogram("gate_wait_seconds", "Time in the queue of requests that got a permit.", phaseBuckets, "gate")
	m.gateRejected = counter("gate_rejected_total", "Requests without a permit: queue_full, caller_share, queue_timeout, or canceled while waiting.", "gate", "reason")
	m.phases = histogram("phase_duration_seconds", "Steps of a request.", phaseBuckets, "model", "phase")
	m.firstChunk = histogram("stream_first_chunk_seconds", "From a stream's opening to its first chunk.", gapBuckets, "model")
	m.chunkGap = histogram("stream_chunk_gap_seconds", "Between a stream's chunks.", gapBuckets, "model")
	m.chunks = counter("stream_chunks_total", "Chunks made.", "model")
	m.streams = counter("streams_total", "Streams ended.", "model", "outcome")
	m.tokens = counter("tokens_total", "Tokens read and written by models.", "model", "type")
	m.estimated = counter("tokens_estimated_total", "Those of tokens_total that were estimated from the text, as no model had counted them.", "model", "type")
	m.readersDropped = counter("stream_readers_dropped_total", "Readers that were cut off: slow (too far behind), write_timeout (stuck).", "reason")
	m.upstream = counter("upstream_requests_total", "Requests to upstreams, by how they ended.", "model", "upstream", "outcome")
	m.resumes = prometheus.NewCounter(prometheus.CounterOpts{Namespace: "penstock", Name: "stream_resumes_total", Help: "Readers that came back and went on where they were cut off."})
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "penstock", Name: "build_info", Help: "1, with what this is as labels.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	info.Set(1)
	m.front = newFrontMetrics(m.registry)
	m.registry.MustRegister(info, m.resumes, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// UpstreamAsked counts a request to a model's upstream, by how it ended.
func (m *Metrics) UpstreamAsked(model, upstream, outcome string) {
	m.upstream.WithLabelValues(model, upstream, outcome).Inc()
}

func (m *Metrics) request(route, method string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodHead, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(route).Observe(took.Seconds())
}

// readerDropped counts a reader that was cut off, unless it disconnected itself.
func (m *Metrics) readerDropped(err error) {
	switch {
	case errors.Is(err, stream.ErrSlowReader), errors.Is(err, stream.ErrGone):
		m.readersDropped.WithLabelValues("slow").Inc()
	case errors.Is(err, os.ErrDeadlineExceeded):
		m.readersDropped.WithLabelValues("write_timeout").Inc()
	}
}

// Gate implements engine.Observer.
func (m *Metrics) Gate(name string) engine.GateObserver {
	return &gateMetrics{wait: m.gateWait.WithLabelValues(name), rejected: m.gateRejected.MustCurryWith(prometheus.Labels{"gate": name})}
}

// Model implements engine.Observer.
func (m *Metrics) Model(name string) engine.ModelObserver {
	label := prometheus.Labels{"model": name}
	return &modelMetrics{
		log:     m.log.With("model", name),
		phases:  m.phases.MustCurryWith(label),
		first:   m.firstChunk.WithLabelValues(name),
		gap:     m.chunkGap.WithLabelValues(name),
		chunks:  m.chunks.WithLabelValues(name),
		streams: m.streams.MustCurryWith(label),
		tokens:  m.tokensOf(name),
		resumes: m.resumes,
	}
}

type gateMetrics struct {
	wait     prometheus.Observer
	rejected *prometheus.CounterVec
}

func (g *gateMetrics) Waited(d time.Duration)      { g.wait.Observe(d.Seconds()) }
func (g *gateMetrics) Rejected(r engine.Rejection) { g.rejected.WithLabelValues(string(r)).Inc() }

type modelMetrics struct {
	log        *slog.Logger
	phases     prometheus.ObserverVec
	first, gap prometheus.Observer
	chunks     prometheus.Counter
	streams    *prometheus.CounterVec
	tokens     tokenCounters
	resumes    prometheus.Counter
}

func (m *modelMetrics) Changed(s engine.State, err error) {
	if errors.Is(err, context.Canceled) {
		m.log.Info("loading the model was canceled")
		return
	}
	switch {
	case s == engine.StateUnhealthy:
		m.log.Warn("model is unhealthy", "error", err)
	case s == engine.StateLoading:
		m.log.Warn("model is loading until its health check succeeds", "error", err)
	case err != nil:
		m.log.Error("model failed to load", "error", err)
	default:
		m.log.Info("model " + string(s))
	}
}

func (m *modelMetrics) PhaseDone(p engine.Phase, took time.Duration) {
	m.phases.WithLabelValues(string(p)).Observe(took.Seconds())
}

func (m *modelMetrics) StreamClosed(o stream.Outcome, u engine.Usage, err error) {
	if o == stream.OutcomeFailed && dialect.Status(dialect.ErrorOf(err).Code) >= http.StatusInternalServerError {
		m.log.Warn("stream failed", "error", logged(err))
	}
	m.streams.WithLabelValues(string(o)).Inc()
	m.tokens.add(u)
}

func (m *modelMetrics) Resumed() { m.resumes.Inc() }

func (m *modelMetrics) Chunks(n int, first bool, wait time.Duration) {
	m.chunks.Add(float64(n))
	if first {
		m.first.Observe(wait.Seconds())
	} else {
		m.gap.Observe(wait.Seconds())
	}
	for range n - 1 { // they came together
		m.gap.Observe(0)
	}
}
