package gateway

import (
	"cmp"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/rs/cors"

	"penstock/apierr"
	"penstock/engine"
	"penstock/memory"
	"penstock/stream"
)

// Options configures a Gateway. Engine is needed; the other fields have defaults.
type Options struct {
	Engine     *engine.Engine
	Metrics    *Metrics     // nil: new ones, which lack what only an engine's Observer learns
	Log        *slog.Logger // nil: slog.Default()
	Playground fs.FS        // its files lie at the root; index.html is /; nil: none
	Dialects   []Dialect    // further protocols for language models

	Memory *memory.Budget // what requests may hold together; nil: no limit

	MaxBody           int64         // bytes of a request's body; 0: 20 MiB
	BodyTimeout       time.Duration // how long a request's body may take to arrive; 0: 60 s
	ReadHeaderTimeout time.Duration // how long a request's head may take; 0: 10 s
	Heartbeat         time.Duration // a silent stream gets a comment this often; 0: 15 s
	WriteTimeout      time.Duration // a write stuck this long ends the connection; 0: 10 s
	Retry             time.Duration // how long an EventSource waits before it reconnects; 0: 2 s
	Buffer            int           // bytes of events kept of a stream; 0: stream.DefaultBuffer
	Window            time.Duration // how long a detached stream is kept after its end; 0: 60 s
	Hosts             []string      // Host names served besides loopback names and IP addresses
	Origins           []string      // web origins that may call from other pages
}

// withDefaults returns the options with their defaults for zero values.
func (o Options) withDefaults() Options {
	o.Log = cmp.Or(o.Log, slog.Default())
	if o.Metrics == nil {
		o.Metrics = NewMetrics("(devel)", o.Log)
	}
	o.MaxBody = cmp.Or(o.MaxBody, 20<<20)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, time.Minute)
	o.ReadHeaderTimeout = cmp.Or(o.ReadHeaderTimeout, 10*time.Second)
	o.Heartbeat = cmp.Or(o.Heartbeat, 15*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 10*time.Second)
	o.Retry = cmp.Or(o.Retry, 2*time.Second)
	o.Buffer = cmp.Or(o.Buffer, stream.DefaultBuffer)
	o.Window = cmp.Or(o.Window, time.Minute)
	return o
}

// Gateway serves an engine over HTTP. It is safe for use by many goroutines.
type Gateway struct {
	Options
	handler http.Handler
	started time.Time
	codecs  codecs
	joints  sync.Pool // of *[]byte, for joined writes
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
	g.handler = g.routes()
	return g
}

// allowOrigins lets pages of these origins call, and serves the preflights of their browsers.
func allowOrigins(origins []string) gin.HandlerFunc {
	c := cors.New(cors.Options{
		AllowedOrigins:       origins,
		AllowedMethods:       []string{http.MethodGet, http.MethodPost, http.MethodDelete},
		AllowedHeaders:       []string{"*"},
		ExposedHeaders:       []string{headerRequestID, "Location", "Retry-After"},
		MaxAge:               600,
		OptionsSuccessStatus: http.StatusNoContent,
	})
	return func(ctx *gin.Context) {
		c.HandlerFunc(ctx.Writer, ctx.Request)
		if ctx.Request.Method == http.MethodOptions && ctx.GetHeader("Access-Control-Request-Method") != "" {
			setRoute(ctx, "preflight")
			ctx.Writer.WriteHeaderNow()
			ctx.Abort()
		}
	}
}

// ServeHTTP serves one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.handler.ServeHTTP(w, r) }

func (g *Gateway) routes() http.Handler {
	gin.SetMode(gin.ReleaseMode) // else it writes to standard output
	r := gin.New()
	r.RedirectTrailingSlash, r.RedirectFixedPath = false, false
	r.HandleMethodNotAllowed = true
	r.ContextWithFallback = true
	r.Use(g.observe, g.recoverPanics, identify, g.reserve)
	if len(g.Origins) > 0 {
		r.Use(allowOrigins(g.Origins))
	}

	// Load balancers request these by address, with any Host.
	get(r, "/healthz", g.native(g.health))
	get(r, "/readyz", g.native(g.readiness))

	guarded := r.Group("/", g.guardHost)
	get(guarded, "/metrics", gin.WrapH(g.Metrics.handler()))
	g.playground(guarded)
	get(guarded, "/v1/models", g.native(g.listModels))
	guarded.GET("/v1/models/*path", g.native(g.getModel))
	guarded.POST("/v1/models/*path", g.native(g.postModel))
	guarded.POST("/v1/streams", g.native(g.createStream))
	guarded.GET("/v1/streams/:id", g.native(g.readStream))
	guarded.DELETE("/v1/streams/:id", g.native(g.deleteStream))
	for _, d := range g.codecs.dialects {
		guarded.POST(d.Path, g.generate(d.Codec))
	}
	guarded.POST(pathEmbeddings, g.rendering(g.codecs.embeddings, g.embed))
	g.routeV2(r, guarded)

	r.NoRoute(func(c *gin.Context) {
		g.failAny(c, &apierr.Error{Code: apierr.CodeNotFound, Message: "there is nothing here; GET / shows what there is"})
	})
	r.NoMethod(func(c *gin.Context) {
		g.failAny(c, &apierr.Error{Code: apierr.CodeMethodNotAllowed, Message: "this address takes " + c.Writer.Header().Get("Allow") + " only"})
	})
	return r
}

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
		return func(c *gin.Context) {
			c.Header("Content-Security-Policy", "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
			c.Header("X-Content-Type-Options", "nosniff")
			c.Header("Referrer-Policy", "no-referrer")
			c.Header("Cache-Control", "no-cache")
			c.FileFromFS(name, files)
		}
	}
	get(r, "/", serve("/"))
	_ = fs.WalkDir(g.Playground, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path != "index.html" {
			get(r, "/"+path, serve("/"+path))
		}
		return err
	})
}
