package gateway

import (
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/rs/cors"

	"penstock/apierr"
	"penstock/engine"
)

// Options configures a Gateway. All fields are needed unless they say otherwise.
type Options struct {
	Engine     *engine.Engine
	Metrics    *Metrics
	Log        *slog.Logger
	Playground fs.FS // its files lie at the root; index.html is /

	MaxBody           int64         // bytes of a request's body
	ReadHeaderTimeout time.Duration // how long a request's head may take
	Heartbeat         time.Duration // a silent stream gets a comment this often
	WriteTimeout      time.Duration // a write stuck this long ends the connection
	Retry             time.Duration // how long an EventSource waits before it reconnects
	Buffer            int           // bytes of chunks kept of a stream: for a reader who lags, or for those who come back
	Window            time.Duration // how long a stream of /v1/streams stays readable after its end
	Hosts             []string      // Host names served besides loopback names and IP addresses; may be empty
	Origins           []string      // web origins that may call from other pages; empty: none
}

// Gateway serves an engine over HTTP. It is safe for use by many goroutines.
type Gateway struct {
	Options
	handler http.Handler
	started time.Time
	codecs  codecs
	bodies  chan struct{} // slots for bodies that are read before the model is known
	joints  sync.Pool     // of *[]byte, for joined writes
}

// New returns a Gateway for the engine's models, all of which have been added.
func New(o Options) *Gateway {
	g := &Gateway{Options: o, started: time.Now(), codecs: newCodecs()}
	room := 0
	for _, gate := range o.Engine.Snapshot().Gates {
		room += gate.Permits + gate.Queue
	}
	g.bodies = make(chan struct{}, room)
	o.Metrics.watch(o.Engine)
	g.handler = g.routes()
	return g
}

// shareWith lets pages of other origins call, and answers the browsers that ask whether they may.
func shareWith(origins []string) gin.HandlerFunc {
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
	r.Use(g.observe, g.recoverPanics, identify)
	if len(g.Origins) > 0 {
		r.Use(shareWith(g.Origins))
	}

	// Load balancers ask these by address, under any Host.
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
	guarded.POST(pathChat, g.generate(g.codecs.chat))
	guarded.POST(pathCompletions, g.generate(g.codecs.completions))
	guarded.POST(pathResponses, g.generate(g.codecs.responses))
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

// get serves GET, and HEAD as monitors ask it.
func get(r gin.IRoutes, path string, h gin.HandlerFunc) {
	r.GET(path, h)
	r.HEAD(path, h)
}

// playground serves the page's files, each by its own route, with a policy that lets them load nothing from elsewhere.
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
