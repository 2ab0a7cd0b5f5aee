package gateway

import (
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"penstock/engine"
	"penstock/memory"
)

const keyHeld = "held memory"

// held is the memory that is reserved for one request's body, until the request is over and any
// stream that it started has ended.
type held struct {
	body, decode *memory.Reservation
	answer       *memory.Reservation // a whole response while it is gathered and written
	users        atomic.Int32
}

func (h *held) release() {
	if h.users.Add(-1) == 0 {
		h.decode.Close()
		h.body.Close()
	}
}

// reserve is the middleware that puts the account of the request's caller in its context, and
// releases what is held for its body and its whole response.
func (g *Gateway) reserve(c *gin.Context) {
	account := g.Memory.Account(callerOf(c).Name)
	h := &held{body: account.Reserve(memory.Body), decode: account.Reserve(memory.Decode), answer: account.Reserve(memory.Answer)}
	h.users.Store(1)
	defer h.release()
	defer h.answer.Close()
	if c.Request.ContentLength != 0 {
		// net/http reads what is left of a body that no handler reads, before it writes the
		// response, whose own deadline runs meanwhile.
		_ = controlOf(c).SetReadDeadline(time.Now().Add(min(g.BodyTimeout, g.WriteTimeout/2)))
	}
	c.Set(keyHeld, h)
	if g.Memory != nil {
		c.Request = c.Request.WithContext(memory.With(c.Request.Context(), account))
	}
	c.Next()
}

func (g *Gateway) heldOf(c *gin.Context) *held { return c.MustGet(keyHeld).(*held) }

// keepBody holds the request's body until the call's work has ended, which may be a stream that
// outlives the request. The channel it returns is closed then.
func (g *Gateway) keepBody(c *gin.Context, call *engine.Call) (ended <-chan struct{}) {
	h := g.heldOf(c)
	h.users.Add(1)
	end := make(chan struct{})
	call.OnEnd(func() {
		h.release()
		close(end)
	})
	return end
}
