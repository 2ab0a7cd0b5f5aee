package upstream

import (
	"testing"
	"testing/synctest"
	"time"

	test "penstock/llm/upstream/upstreamtest"
)

func servers(weights ...int) (p *pool, list []*server) {
	for i, w := range weights {
		list = append(list, &server{Server: Server{Name: string(rune('a' + i)), Weight: w}, index: i})
	}
	return newPool(list), list
}

func anyServer(*server) bool { return true }

func TestPoolTakesTurnsByWeight(t *testing.T) {
	p, _ := servers(3, 1)
	order := ""
	for range 8 {
		s, _ := p.take(anyServer)
		order += s.Name
		p.give(s)
	}
	if order != "aabaaaba" {
		t.Errorf("the order is %s", order)
	}
}

func TestPoolTakesTheLeastBusyForItsWeight(t *testing.T) {
	p, list := servers(2, 1)
	for range 30 {
		p.take(anyServer)
	}
	if list[0].outstanding != 20 || list[1].outstanding != 10 {
		t.Errorf("%d and %d requests are under way", list[0].outstanding, list[1].outstanding)
	}
	for range 8 {
		p.give(list[1])
	}
	for range 5 {
		if s, _ := p.take(anyServer); s != list[1] {
			t.Errorf("the busier one was taken")
		}
	}
}

func TestPoolKeepsToPriorities(t *testing.T) {
	_, list := servers(1, 1, 1)
	list[0].Priority = 5
	p := newPool(list)
	if s, hopeful := p.take(func(s *server) bool { return s == list[0] }); s != list[0] || !hopeful {
		t.Error("the only one that may be asked was not taken")
	}
	for range 5 {
		if s, _ := p.take(anyServer); s == list[0] {
			t.Error("the last resort was taken first")
		}
	}
	p.leaveAlone(list[1], time.Minute)
	p.leaveAlone(list[2], time.Minute)
	if s, hopeful := p.take(anyServer); s != list[0] || !hopeful {
		t.Error("one that asked to be left alone was taken")
	}
	p.leaveAlone(list[0], time.Minute)
	if s, hopeful := p.take(anyServer); s == nil || hopeful {
		t.Error("none was taken where all asked to be left alone")
	}
	if s, _ := p.take(func(*server) bool { return false }); s != nil {
		t.Error("one that may not be asked was taken")
	}
}

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b breaker
		for range breakerFailures {
			if !b.admits() {
				t.Fatal("it opened early")
			}
			b.begun()
			b.ended(unwell)
		}
		if b.admits() {
			t.Fatal("it did not open")
		}
		<-time.After(breakerPause)
		if !b.admits() {
			t.Fatal("it lets no probe through")
		}
		b.begun()
		if b.admits() {
			t.Fatal("it lets two probes through at once")
		}
		b.ended(noVerdict) // whose client left
		if !b.admits() {
			t.Fatal("it waits for a probe that is over")
		}
		b.begun()
		b.ended(unwell)
		if b.admits() {
			t.Fatal("it closed for a probe that failed")
		}
		<-time.After(breakerPause)
		b.begun()
		b.answered()
		if !b.admits() {
			t.Fatal("it is still open although the probe is answered")
		}
	})
}

// TestEqualUpstreamsShareTheLoad, as many requests as they take.
func TestEqualUpstreamsShareTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := test.Script{test.Pause(time.Second), test.Tokens("m", 0, 1), test.Send(test.Done)}
		first, second := test.New(slow), test.New(slow)
		h := build(t, func(c *Config) { c.Servers[1].Priority, c.Servers[1].Weight = 1, 3 }, first, second)
		defer h.close()
		done := make(chan *reply)
		for range 40 {
			go func() { done <- h.stream("chat", chatBody) }()
		}
		for range 40 {
			if r := <-done; r.err != nil {
				t.Error(r.err)
			}
		}
		if a, b := len(first.Requests(true)), len(second.Requests(true)); a != 10 || b != 30 {
			t.Errorf("the load was shared %d to %d", a, b)
		}
	})
}
