package engine_test

import (
	"context"
	"testing"

	"penstock/engine"
)

// A run is charged when it has ended, before its caller responds and closes the call.
func TestARunIsChargedBeforeItsCallIsClosed(t *testing.T) {
	used := engine.Usage{PromptTokens: 3, CompletionTokens: 2}
	e := newEngine(t, 1, 0)
	g := writer(e, func(context.Context, func(...string) error) (engine.End, error) { return engine.Stopped(used), nil })
	var charged []engine.Usage
	call, err := g.Admit(engine.Caller{Charge: func(u engine.Usage) { charged = append(charged, u) }})
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	if _, err := g.Run(t.Context(), call, "", func(...string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if len(charged) != 1 || charged[0] != used {
		t.Errorf("%+v was charged", charged)
	}
	call.Close()
	if len(charged) != 1 {
		t.Errorf("%+v was charged", charged)
	}
}
