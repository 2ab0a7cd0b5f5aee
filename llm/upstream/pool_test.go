package upstream

import (
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

func servers(weights ...int) (p *pool, list []*server) {
	for i, w := range weights {
		list = append(list, &server{Server: Server{Name: string(rune('a' + i)), Weight: w}, index: i})
	}
	return newPool(list), list
}

func anyServer(*server) bool { return true }

func TestThePoolIsRoundRobinByWeight(t *testing.T) {
	p, _ := servers(3, 1)
	order := ""
	for range 8 {
		s, _ := p.take(anyServer)
		order += s.Name
		p.release(s)
	}
	if order != "aabaaaba" {
		t.Errorf("the order is %s", order)
	}
}

func TestThePoolTakesTheLeastBusyServerForItsWeight(t *testing.T) {
	p, list := servers(2, 1)
	for range 30 {
		p.take(anyServer)
	}
	if list[0].outstanding != 20 || list[1].outstanding != 10 {
		t.Errorf("%d and %d requests are outstanding", list[0].outstanding, list[1].outstanding)
	}
	for range 8 {
		p.release(list[1])
	}
	for range 5 {
		if s, _ := p.take(anyServer); s != list[1] {
			t.Errorf("the busier server was taken")
		}
	}
}

func TestThePoolFollowsPriorities(t *testing.T) {
	_, list := servers(1, 1, 1)
	list[0].Priority = 5
	p := newPool(list)
	if s, probing := p.take(func(s *server) bool { return s == list[0] }); s != list[0] || probing {
		t.Error("the only usable server was not taken")
	}
	for range 5 {
		if s, _ := p.take(anyServer); s == list[0] {
			t.Error("the server of the lowest priority was taken first")
		}
	}
	p.coolDown(list[1], time.Minute)
	p.coolDown(list[2], time.Minute)
	if s, probing := p.take(anyServer); s != list[0] || probing {
		t.Error("a server that is cooling down was taken")
	}
	p.coolDown(list[0], time.Minute)
	if s, probing := p.take(anyServer); s == nil || !probing {
		t.Error("none was taken although all are cooling down")
	}
	if s, _ := p.take(func(*server) bool { return false }); s != nil {
		t.Error("a server that is not usable was taken")
	}
}

// A free server is not one that is cooling down, or has an open breaker.
func TestThePoolTakesAFreeServer(t *testing.T) {
	p, list := servers(1, 1)
	for range breakerFailures {
		list[0].breaker.ended(unhealthy)
	}
	if s := p.takeFree(anyServer); s != list[1] {
		t.Error("the free server was not taken")
	}
	p.coolDown(list[1], time.Minute)
	if s := p.takeFree(anyServer); s != nil || list[0].outstanding != 0 || list[1].outstanding != 1 {
		t.Error("a server was taken that is not free")
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
			b.ended(unhealthy)
		}
		if b.admits() {
			t.Fatal("it did not open")
		}
		<-time.After(breakerPause)
		if !b.admits() {
			t.Fatal("it admits no probe")
		}
		b.begun()
		if b.admits() {
			t.Fatal("it admits two probes at once")
		}
		b.ended(healthUnknown) // whose client left
		if !b.admits() {
			t.Fatal("it waits for a probe that has ended")
		}
		b.begun()
		b.ended(unhealthy)
		if b.admits() {
			t.Fatal("it closed after a probe that failed")
		}
		<-time.After(breakerPause)
		b.begun()
		b.responded()
		if !b.admits() {
			t.Fatal("it is still open although the probe has a response")
		}
	})
}

// Upstreams of one priority share the load by weight.
func TestUpstreamsOfOnePriorityShareTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := test.Script{test.Pause(time.Second), test.Tokens("m", 0, 1), test.Send(test.Done)}
		first, second := test.New(slow), test.New(slow)
		f := newFixture(t, func(c *Config) { c.Servers[1].Priority, c.Servers[1].Weight = 1, 3 }, first, second)
		defer f.close()
		done := make(chan *reply)
		for range 40 {
			go func() { done <- f.stream(dialect.Chat, chatBody) }()
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
