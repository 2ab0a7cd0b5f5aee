package main

import (
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"penstock/clip"
	"penstock/clip/fetch"
	"penstock/configs"
	"penstock/engine"
	"penstock/gateway"
	"penstock/llm/local"
	"penstock/llm/upstream"
	"penstock/onnx"
)

func sharedGate(r configs.Runtime) engine.GateConfig {
	return engine.GateConfig{Permits: r.PredictConcurrency, Queue: r.Queue.Limit, Timeout: r.Queue.Timeout}
}

// addModel is the one place where a kind of model meets the engine: a new kind is a new case here.
func addModel(e *engine.Engine, m configs.Model, r configs.Runtime, metrics *gateway.Metrics, log *slog.Logger) error {
	runtime := onnx.Options{Library: string(r.ONNXRuntime.Library), Threads: r.ONNXRuntime.Threads}
	switch m := m.(type) {
	case configs.ClipModel:
		clip.New(clip.Options{
			Name: string(m.Name), Path: string(m.Path), Labels: m.Labels, Template: string(m.Template),
			Batch:        m.Batch.Max,
			Fetch:        fetchOptions(m.Fetch),
			DecodeMemory: int64(m.DecodeMemory),
			AutoOrient:   m.AutoOrient,
			ONNX:         runtime,
		}).Register(e)
	case configs.LLMModel:
		local.New(local.Options{Name: string(m.Name), Path: string(m.Path), MaxTokens: m.MaxTokens, ONNX: runtime}).Register(e)
	case configs.OpenAIModel:
		_, err := upstream.Add(e, upstream.Config{
			Name:    string(m.Name),
			Servers: servers(m.Upstreams),
			Timeouts: upstream.Timeouts{
				Connect: m.Timeouts.Connect, FirstToken: m.Timeouts.FirstToken, BetweenTokens: m.Timeouts.BetweenTokens, Whole: wholeAnswer,
			},
			Match:    m.Midstream == configs.MidstreamMatch,
			Gate:     engine.GateConfig{Permits: m.Concurrency, Queue: r.Queue.Limit, Timeout: r.Queue.Timeout},
			Observer: upstreamMetrics{metrics},
			Log:      log,
		})
		return err
	}
	return nil
}

// wholeAnswer is how long an upstream may think about an answer that it gives in one piece.
const wholeAnswer = 5 * time.Minute

// servers names each upstream by its host, and a second one on the same host by its place in the list too.
func servers(list []configs.Upstream) []upstream.Server {
	var out []upstream.Server
	taken := map[string]bool{}
	for i, u := range list {
		name := string(u.BaseURL)
		if parsed, err := url.Parse(name); err == nil {
			name = parsed.Host
		}
		if taken[name] {
			name = fmt.Sprintf("%s#%d", name, i+1)
		}
		taken[name] = true
		out = append(out, upstream.Server{
			Name: name, BaseURL: string(u.BaseURL), APIKey: u.APIKey.Reveal(), Model: u.Model,
			Priority: u.Priority, Weight: u.Weight, ForwardAuthorization: u.ForwardAuthorization,
		})
	}
	return out
}

// upstreamMetrics counts requests to upstreams.
type upstreamMetrics struct{ *gateway.Metrics }

// Attempted implements upstream.Observer.
func (u upstreamMetrics) Attempted(model, server string, o upstream.Outcome) {
	u.UpstreamAsked(model, server, string(o))
}

func fetchOptions(f configs.Fetch) fetch.Options {
	o := fetch.Options{
		Timeout: f.Timeout, MaxSize: int64(f.MaxSize), AtOnce: f.AtOnce, PerHost: f.PerHost,
		UserAgent: "Penstock/" + version(),
	}
	for _, t := range f.Allow {
		o.Allow = append(o.Allow, t.String())
	}
	for _, t := range f.Deny {
		o.Deny = append(o.Deny, t.String())
	}
	return o
}
