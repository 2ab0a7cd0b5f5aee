package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"penstock/apierr"
)

// watched is the watch of one model: Lifecycle.Watch, from the end of its loading to its close.
type watched struct {
	cancel  context.CancelFunc // nil: it has not begun
	running sync.WaitGroup
}

// watch begins the model's watch. The values of ctx stay visible to it; its end does not end it.
func (m *Model) watch(ctx context.Context) {
	ctx, m.watching.cancel = context.WithCancel(context.WithoutCancel(ctx))
	m.watching.running.Go(func() {
		err := guard(func() error {
			m.lifecycle.Watch(ctx, func(err error) {
				if ctx.Err() == nil {
					m.report(err)
				}
			})
			return nil
		})
		if err != nil { // it has panicked, and reports nothing more
			m.report(err)
		}
	})
}

// unwatch ends the watch, and returns once it has returned.
func (m *Model) unwatch() {
	if m.watching.cancel != nil {
		m.watching.cancel()
		m.watching.running.Wait()
	}
}

// report notes what the watch has found. A model that has not been healthy yet is still loading,
// and has what was found as the reason.
func (m *Model) report(err error) {
	m.mu.Lock()
	before, first := m.state, m.reason == ""
	m.reason = ""
	switch {
	case err == nil:
		m.state = StateReady
	case before == StateLoading:
		m.reason = err.Error()
	default:
		m.state, m.reason = StateUnhealthy, err.Error()
	}
	state := m.state
	m.mu.Unlock()
	if state != before || state == StateLoading && first {
		m.observer.Changed(state, err)
	}
}

// unhealthy is the error of a request to a model whose watch has reported one.
func (m *Model) unhealthy() error {
	return &apierr.Error{
		Code: apierr.CodeModelUnhealthy, RetryAfter: m.retryAfter(),
		Message: fmt.Sprintf("model %q is unhealthy at present; try again later", m.name),
	}
}

// retryAfter is when another attempt may find a watched model in another state.
func (m *Model) retryAfter() time.Duration { return max(time.Second, m.lifecycle.Recheck) }
