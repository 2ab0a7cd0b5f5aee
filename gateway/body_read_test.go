package gateway

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"penstock/memory"
)

// What a body outgrows is garbage, which no budget counts.
func TestADeclaredBodyIsRarelyCopied(t *testing.T) {
	const size = 8 << 20
	g := &Gateway{}
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size)))
	c.Set(keyHeld, &held{body: g.Memory.Account("a").Reserve(memory.Body)})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	body, err := g.readReserved(c, c.Request.Body, c.Request.ContentLength)
	runtime.ReadMemStats(&after)
	if err != nil || len(body) != size {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 2*size {
		t.Errorf("%.2f times its size was allocated", float64(allocated)/size)
	}
}
