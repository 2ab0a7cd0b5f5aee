package gateway

import (
	"cmp"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/auth"
	"penstock/engine"
	"penstock/memory"
	"penstock/stream"
)

// Options configures a Gateway. Engine is needed; the other fields have defaults.
type Options struct {
	Engine     *engine.Engine
	Metrics    *Metrics     // nil: new ones, which lack what only an engine's Observer learns
	Auth       *auth.Auth   // identifies callers by keys and tokens; nil: none is needed
	Log        *slog.Logger // nil: slog.Default()
	Playground fs.FS        // its files lie at the root; index.html is /; nil: none
	Dialects   []Dialect    // further protocols for language models

	Memory *memory.Budget // what requests may hold together; nil: no limit

	MaxBody           int64          // bytes of a request's body; 0: 20 MiB
	BodyTimeout       time.Duration  // how long a request's body may take to arrive; 0: 60 s
	ReadHeaderTimeout time.Duration  // how long a request's head may take; 0: 10 s
	Heartbeat         time.Duration  // a silent stream gets a comment this often; 0: 15 s
	WriteTimeout      time.Duration  // a write stuck this long ends the connection; 0: 10 s
	Retry             time.Duration  // how long an EventSource waits before it reconnects; 0: 2 s
	Buffer            int            // bytes of events kept of a stream; 0: stream.DefaultBuffer
	Window            time.Duration  // how long a detached stream is kept after its end; 0: 60 s
	Hosts             []string       // Host names served besides loopback names and IP addresses
	AnyHost           bool           // all Host names are served, as none reaches anything without a key
	Origins           []string       // web origins whose pages may call; http://localhost:* has any port
	TrustedProxies    []netip.Prefix // proxies whose X-Forwarded headers and PROXY protocol count

	Connections int  // open at once; 0: 16384
	PerAddress  int  // of them from one address that is neither a trusted proxy nor local; 0: 4096
	LogContent  bool // the log has the beginnings of requests and responses

	Compat Compat // routes of other servers
}

// withDefaults returns the options with their defaults for zero values.
func (o Options) withDefaults() Options {
	o.Log = cmp.Or(o.Log, slog.Default())
	if o.Metrics == nil {
		o.Metrics = NewMetrics("(devel)", o.Log)
	}
	o.AnyHost = o.AnyHost || o.Auth != nil
	o.MaxBody = cmp.Or(o.MaxBody, 20<<20)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, time.Minute)
	o.ReadHeaderTimeout = cmp.Or(o.ReadHeaderTimeout, 10*time.Second)
	o.Heartbeat = cmp.Or(o.Heartbeat, 15*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 10*time.Second)
	o.Retry = cmp.Or(o.Retry, 2*time.Second)
	o.Buffer = cmp.Or(o.Buffer, stream.DefaultBuffer)
	o.Window = cmp.Or(o.Window, time.Minute)
	o.Connections = cmp.Or(o.Connections, 16384)
	o.PerAddress = cmp.Or(o.PerAddress, 4096)
	return o
}

// Gateway serves an engine over HTTP. It is safe for use by many goroutines.
type Gateway struct {
	Options
	handler http.Handler
	started time.Time
	codecs  codecs
	joints  sync.Pool // of *[]byte, for joined writes

	untrusted sync.Once // the warning of an X-Forwarded-For that is ignored
}

// New returns a Gateway for the engine's models, all of which have been added. It panics without an
// engine.
func New(o Options) *Gateway {
	if o.Engine == nil {
		panic("gateway: Options.Engine is needed")
	}
	g := &Gateway{Options: o.withDefaults(), started: time.Now(), codecs: newCodecs(o.Dialects)}
	g.Metrics.watch(g.Engine)
	g.Metrics.watchMemory(g.Memory, g.Engine.Streams())
	g.Metrics.watchAuth(g.Auth)
	g.handler = g.routes()
	return g
}

func (g *Gateway) routes() http.Handler {
	gin.SetMode(gin.ReleaseMode) // else it writes to standard output
	r := gin.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath = false, false
	r.HandleMethodNotAllowed = true
	r.ContextWithFallback = true
	r.Use(g.observe, g.recoverPanics, identify, g.authenticate, g.reserve, g.answerPages())

	// Load balancers request these by address, with any Host.
	get(r, "/healthz", g.native(g.health))
	get(r, "/health", g.native(g.health)) // where other servers have it
	get(r, "/readyz", g.native(g.readiness))

	guarded := r.Group("/", g.guardHost)
	g.playground(guarded)
	guarded = guarded.Group("/", g.requireKey)
	get(guarded, "/metrics", g.timed(gin.WrapH(g.Metrics.handler())))
	get(guarded, "/v1/models", g.native(g.listModels))
	g.routeModels(guarded)
	g.routeSageMaker(r, guarded)
	guarded.POST("/v1/streams", g.native(g.createStream))
	guarded.GET("/v1/streams/:id", g.native(g.readStream))
	guarded.DELETE("/v1/streams/:id", g.native(g.deleteStream))
	for _, d := range g.codecs.dialects {
		guarded.POST(d.Path, g.generate(d.Codec))
	}
	guarded.POST(pathEmbeddings, g.rendering(g.codecs.embeddings, g.embed))
	g.routeV2(r, guarded)

	r.NoRoute(g.missed)
	r.NoMethod(func(c *gin.Context) {
		g.failAny(c, &apierr.Error{Code: apierr.CodeMethodNotAllowed, Message: "this address takes " + c.Writer.Header().Get("Allow") + " only"})
	})
	return r
}

// pathModel is the route of a model's description and verbs.
const pathModel = "/v1/models/*path"

// get serves GET, and HEAD, which monitors use.
func get(r gin.IRoutes, path string, h gin.HandlerFunc) {
	r.GET(path, h)
	r.HEAD(path, h)
}

// playground serves the page's files, each by its own route, with a policy that keeps them from
// loading anything from elsewhere.
func (g *Gateway) playground(r gin.IRoutes) {
	if g.Playground == nil {
		return
	}
	files := http.FS(g.Playground)
	serve := func(name string) gin.HandlerFunc {
		return g.timed(func(c *gin.Context) {
			c.Header("Content-Security-Policy", "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
			c.Header("X-Content-Type-Options", "nosniff")
			c.Header("Referrer-Policy", "no-referrer")
			c.Header("Cache-Control", "no-cache")
			c.FileFromFS(name, files)
		})
	}
	get(r, "/", serve("/"))
	_ = fs.WalkDir(g.Playground, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path != "index.html" {
			get(r, "/"+path, serve("/"+path))
		}
		return err
	})
}
