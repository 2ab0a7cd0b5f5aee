package upstream

import (
	"context"
	"sync/atomic"

	"penstock/failover"
	"penstock/outbound"
)

// server is a Server in use.
type server struct {
	Server
	out *outbound.Server // the connections to it

	refusesUsage atomic.Bool // it has refused to be asked for the usage of a stream

	listing listing // of its models, guarded by model.listed
}

// attempt sends a request by try to one server after another, until one has responded. resumable
// reports whether a response that has begun can be continued by that of another; nil: it cannot.
// No failure shows the key that was sent, or another secret of the server's.
func (m *model) attempt(ctx context.Context, r *request, resumable func() bool, try failover.Try) *failover.Failure {
	a := &failover.Attempts{Pool: m.pool, Streamed: r.stream, Resumable: resumable, Patient: r.passes != nil}
	return a.Run(ctx, func(ctx context.Context, q *failover.Sequence) *failover.Failure {
		f := try(ctx, q)
		if f != nil {
			s := m.servers[q.Server()]
			key, _ := r.key(s)
			redactFailure(f, s.out.Secrets().With(key))
		}
		return f
	})
}
