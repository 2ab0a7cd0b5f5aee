package failover

import (
	"testing"
	"testing/synctest"
	"time"
)

func servers(weights ...int) (p *Pool, list []*server) {
	return prioritized(nil, weights...)
}

func prioritized(priorities map[int]int, weights ...int) (p *Pool, list []*server) {
	var c Config
	for i, w := range weights {
		c.Servers = append(c.Servers, Server{Name: string(rune('a' + i)), Priority: priorities[i], Weight: w})
	}
	p = New(c)
	return p, p.servers
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
	p, list := prioritized(map[int]int{0: 5}, 1, 1, 1)
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
