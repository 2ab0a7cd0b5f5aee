package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"penstock/auth"
)

// watchAuth adds what is counted of callers by their keys, read at each scrape.
func (m *Metrics) watchAuth(a *auth.Auth) {
	if a == nil {
		return
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("penstock_"+name, help, labels, nil)
	}
	m.registry.MustRegister(&authMetrics{
		auth:      a,
		keys:      desc("auth_keys", "Keys that are valid."),
		broken:    desc("auth_keys_file_broken", "1 while the keys file cannot be used; the last good keys stay valid."),
		reloads:   desc("auth_keys_file_reloads_total", "Times that the keys file was read again because it had changed.", "outcome"),
		unsaved:   desc("auth_state_errors_total", "Times that budgets could not be saved."),
		requests:  desc("key_requests_total", "Requests admitted by the limits of a key, and ended. Those with a token of an issuer are counted as jwt, or as jwt:VALUE of the claim.", "key"),
		refused:   desc("key_refused_total", "Requests refused by a limit of a key.", "key", "reason"),
		tokens:    desc("key_tokens_total", "Tokens charged to a key.", "key", "type"),
		estimated: desc("key_tokens_estimated_total", "How many of them are an estimate, as the upstream counted none.", "key"),
	})
}

// authMetrics is a prometheus.Collector over auth.Status.
type authMetrics struct {
	auth                                                                 *auth.Auth
	keys, broken, reloads, unsaved, requests, refused, tokens, estimated *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (a *authMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{a.keys, a.broken, a.reloads, a.unsaved, a.requests, a.refused, a.tokens, a.estimated} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (a *authMetrics) Collect(out chan<- prometheus.Metric) {
	s := a.auth.Status()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, float64(v), labels...)
	}
	count := func(d *prometheus.Desc, v int64, labels ...string) { send(d, prometheus.CounterValue, v, labels...) }
	broken := int64(0)
	if s.FileBroken {
		broken = 1
	}
	send(a.keys, prometheus.GaugeValue, int64(s.Keys))
	send(a.broken, prometheus.GaugeValue, broken)
	count(a.reloads, s.FileReloads, "ok")
	count(a.reloads, s.FileFailures, "failed")
	count(a.unsaved, s.SaveFailures)
	for _, c := range s.Counts {
		count(a.requests, c.Requests, c.Name)
		for reason, n := range c.Refused {
			if n > 0 {
				count(a.refused, n, c.Name, string(reason))
			}
		}
		count(a.tokens, c.Prompt, c.Name, "prompt")
		count(a.tokens, c.Completion, c.Name, "completion")
		count(a.estimated, c.Estimated, c.Name)
	}
}
