package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/engine"
	"penstock/stream"
)

// watchLog notes what an engine reports about its one model.
type watchLog struct {
	deaf
	changes *[]string
}

func (w watchLog) Gate(string) engine.GateObserver { return w }

func (watchLog) StreamClosed(stream.Outcome, engine.Usage, error) {}

func (w watchLog) Model(string) engine.ModelObserver { return w }

func (w watchLog) Changed(s engine.State, err error) {
	text := string(s)
	if err != nil {
		text += ": " + err.Error()
	}
	*w.changes = append(*w.changes, text)
}

// watchedEngine returns an engine whose model reports what is sent.
func watchedEngine(l engine.Lifecycle, o engine.Observer, reports <-chan error) (*engine.Engine, *engine.Verb) {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}, Observer: o})
	l.Watch = func(ctx context.Context, report func(error)) {
		for {
			select {
			case err := <-reports:
				report(err)
			case <-ctx.Done():
				return
			}
		}
	}
	m := e.Add("m", l)
	engine.Predicts(m, "predict", engine.Predictor[string, string, string, string]{
		Preprocess:  func(_ context.Context, s string) (string, error) { return s, nil },
		Predict:     func(_ context.Context, s string) (string, error) { return s, nil },
		Postprocess: func(_ context.Context, s string) (string, error) { return s, nil },
	})
	v, _ := m.Verb("predict")
	return e, v
}

// refusal returns the code and Retry-After of what Check and Admit return.
func refusal(t *testing.T, v *engine.Verb) (apierr.Code, time.Duration) {
	t.Helper()
	checked := v.Check(engine.Caller{})
	call, admitted := v.Admit(engine.Caller{})
	if admitted == nil {
		call.Close()
	}
	if (checked == nil) != (admitted == nil) {
		t.Errorf("Check returns %v and Admit %v", checked, admitted)
	}
	if checked == nil {
		return "", 0
	}
	e := apierr.From(checked)
	return e.Code, e.RetryAfter
}

func TestAWatchDecidesWhetherAModelIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reports, changes := make(chan error), []string{}
		closed := false
		e, v := watchedEngine(engine.Lifecycle{
			Recheck: 7 * time.Second,
			Load:    func(context.Context) error { return nil },
			Close:   func() error { closed = true; return nil },
		}, watchLog{changes: &changes}, reports)
		loading, end := context.WithCancel(t.Context())
		<-e.Load(loading) // it does not wait for the server of a model
		end()             // nor does its end end the watch
		state := func(want engine.State, reason string, code apierr.Code) {
			t.Helper()
			synctest.Wait()
			if s := v.Model().Snapshot(); s.State != want || s.Reason != reason {
				t.Errorf("state %s (%s), want %s (%s)", s.State, s.Reason, want, reason)
			}
			got, wait := refusal(t, v)
			if got != code || (wait > 0) != (code != "") || code == apierr.CodeModelUnhealthy && wait != 7*time.Second {
				t.Errorf("requests get %q, Retry-After %s; want %q", got, wait, code)
			}
		}
		state(engine.StateLoading, "", apierr.CodeModelLoading)
		reports <- errors.New("refused")
		state(engine.StateLoading, "refused", apierr.CodeModelLoading)
		reports <- errors.New("status 503")
		state(engine.StateLoading, "status 503", apierr.CodeModelLoading)
		reports <- nil
		state(engine.StateReady, "", "")
		reports <- errors.New("status 500")
		state(engine.StateUnhealthy, "status 500", apierr.CodeModelUnhealthy)
		reports <- errors.New("refused")
		state(engine.StateUnhealthy, "refused", apierr.CodeModelUnhealthy)
		reports <- nil
		state(engine.StateReady, "", "")
		reports <- errors.New("gone")
		state(engine.StateUnhealthy, "gone", apierr.CodeModelUnhealthy)
		want := []string{"loading: refused", "ready", "unhealthy: status 500", "ready", "unhealthy: gone"}
		if !slices.Equal(changes, want) {
			t.Errorf("the observer has %q, want %q", changes, want)
		}
		if err := e.Close(); err != nil || !closed {
			t.Errorf("an unhealthy model is closed: %v, %v", closed, err)
		}
		synctest.Wait() // the bubble fails if the watch is left behind
	})
}

func TestNoWatchOfAModelThatIsNotLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
		m := e.Add("m", engine.Lifecycle{
			Load:  func(context.Context) error { return errors.New("no such file") },
			Watch: func(context.Context, func(error)) { t.Error("it is watched") },
			Close: func() error { t.Error("it is closed"); return nil },
		})
		<-e.Load(t.Context())
		synctest.Wait()
		if s := m.Snapshot(); s.State != engine.StateFailed {
			t.Errorf("state %s", s.State)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAWatchThatPanicsMakesTheModelUnhealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
		m := e.Add("m", engine.Lifecycle{Watch: func(_ context.Context, report func(error)) {
			report(nil)
			panic("boom")
		}})
		<-e.Load(t.Context())
		synctest.Wait()
		if s := m.Snapshot(); s.State != engine.StateUnhealthy {
			t.Errorf("state %s", s.State)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}
