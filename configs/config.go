package configs

import "time"

// Config is a whole configuration, checked.
type Config struct {
	Server  Server  `yaml:"server"`
	Runtime Runtime `yaml:"runtime"`
	Streams Streams `yaml:"streams"`
	Models  []Model `yaml:"models" min:"1" max:"1000"`
	Auth    Auth    `yaml:"auth"`
	Log     Log     `yaml:"log"`
	// Compat are the servers whose routes are served beside Penstock's own, for the default model.
	Compat []Compat `yaml:"compat" default:"[]" max:"100"`
}

// Server is how Penstock listens for requests.
type Server struct {
	Address Address `yaml:"address" default:"127.0.0.1:8080"`
	// ShutdownGrace is how long open requests and streams may finish after SIGTERM.
	ShutdownGrace     time.Duration `yaml:"shutdown_grace" default:"30s" min:"0s" max:"24h"`
	MaxBody           Bytes         `yaml:"max_body" default:"20MiB" min:"1KiB" max:"1TiB"`
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout" default:"10s" min:"1ms" max:"1h"`
	// Hosts are the Host names served besides loopback names and IP addresses.
	Hosts []Hostname `yaml:"hosts" default:"[]" max:"1000"`
	CORS  *CORS      `yaml:"cors"` // nil: no cross-origin use
	// BodyTimeout is how long a request's body may take to arrive.
	BodyTimeout time.Duration `yaml:"body_timeout" default:"60s" min:"1ms" max:"24h"`
	// TrustedProxies are the peers whose X-Forwarded-For or PROXY protocol header has the client's
	// address.
	TrustedProxies []Network      `yaml:"trusted_proxies" default:"[]" max:"1000"`
	MaxConnections MaxConnections `yaml:"max_connections"`
}

// MaxConnections bounds the connections that are open at once.
type MaxConnections struct {
	Total int `yaml:"total" default:"16384" min:"1" max:"1000000"`
	// PerAddress is for each client's IPv4 address or IPv6 /64. Trusted proxies and this machine
	// itself may have more.
	PerAddress int `yaml:"per_address" default:"4096" min:"1" max:"1000000"`
}

// CORS lists the origins whose web pages may use Penstock.
type CORS struct {
	Origins []Origin `yaml:"origins" min:"1" max:"1000"`
}

// Runtime holds the settings that all local models share.
type Runtime struct {
	// PredictConcurrency is the number of permits of the gate that local models share.
	PredictConcurrency int         `yaml:"predict_concurrency" default:"5" min:"1" max:"10000"`
	Queue              Queue       `yaml:"queue"`
	ONNXRuntime        ONNXRuntime `yaml:"onnxruntime"`
	// MemoryLimit bounds the memory of the process.
	MemoryLimit MemoryLimit `yaml:"memory_limit" default:"60%" min:"99%" max:"1TiB"`
}

// Queue bounds the wait for a permit.
type Queue struct {
	Limit   int           `yaml:"limit" default:"100" min:"0" max:"1000000"` // requests admitted beyond the permits
	Timeout time.Duration `yaml:"timeout" default:"30s" min:"1ms" max:"24h"`
	// PerCaller is how much of all that may be inside one caller may hold while others want some.
	PerCaller Percent `yaml:"per_caller" default:"50%" min:"1%" max:"100%"`
}

// ONNXRuntime holds the settings of ONNX Runtime.
type ONNXRuntime struct {
	Library Path `yaml:"library" default:""`                      // "": the one that `make setup` fetched, else the system's
	Threads int  `yaml:"threads" default:"0" min:"0" max:"10000"` // 0: one per core
}

// Streams holds the settings of streams of Server-Sent Events.
type Streams struct {
	Heartbeat    time.Duration `yaml:"heartbeat" default:"15s" min:"1ms" max:"1h"`     // a comment is sent after that much silence
	WriteTimeout time.Duration `yaml:"write_timeout" default:"10s" min:"1ms" max:"1h"` // for one write
	Retry        time.Duration `yaml:"retry" default:"2s" min:"1ms" max:"1h"`          // the EventSource retry field
	Limit        int           `yaml:"limit" default:"10000" min:"1" max:"1000000"`    // open streams
	Resume       Resume        `yaml:"resume"`
}

// Resume bounds what is kept of streams for readers that reconnect.
type Resume struct {
	Window time.Duration `yaml:"window" default:"60s" min:"1ms" max:"24h"`        // how long a stream can be read after its end
	Buffer Bytes         `yaml:"buffer" default:"4MiB" min:"1KiB" max:"1TiB"`     // for each stream
	Total  Bytes         `yaml:"total" default:"256MiB" min:"1KiB" max:"1024TiB"` // for all streams; at least Buffer
	Limit  int           `yaml:"limit" default:"10000" min:"1" max:"1000000"`     // ended streams that are kept
}

// Auth holds which requests are allowed. The zero Auth, which allows all, is loaded only together
// with a loopback address.
type Auth struct {
	Mode AuthMode `yaml:"mode" default:""` // AuthNone, or "" if not given
	Keys []Key    `yaml:"keys" default:"[]" min:"1" max:"100000"`
	// KeysFile has further keys, as ParseKeys reads them. It is read again when it changes.
	KeysFile Path `yaml:"keys_file" default:""`
	State    Path `yaml:"state" default:""` // the folder in which budgets survive a restart
	JWT      *JWT `yaml:"jwt"`              // nil: no tokens are accepted
}

// Required reports whether requests need a key or a token.
func (a Auth) Required() bool { return len(a.Keys) > 0 || a.KeysFile != "" || a.JWT != nil }

// Key is an API key and what it allows.
type Key struct {
	Name   string `yaml:"name"`   // for logs and limits; unique
	SHA256 SHA256 `yaml:"sha256"` // of the key itself; unique
	Limits `yaml:",inline"`
}

// Limits are what a caller may do. A number that is 0, which is one that was not given, limits
// nothing.
type Limits struct {
	Models            []Pattern `yaml:"models" default:"[]" min:"1" max:"1000"` // none: all models
	RequestsPerMinute int       `yaml:"requests_per_minute" default:"0" min:"1" max:"1000000"`
	TokensPerMinute   int       `yaml:"tokens_per_minute" default:"0" min:"1" max:"1000000000"`
	TokensPerDay      int       `yaml:"tokens_per_day" default:"0" min:"1" max:"1000000000000"`
	TokensPerMonth    int       `yaml:"tokens_per_month" default:"0" min:"1" max:"1000000000000"`
	Streams           int       `yaml:"streams" default:"0" min:"1" max:"1000000"` // open at once
	Priority          Priority  `yaml:"priority" default:"interactive"`
}

// JWT is an issuer whose tokens are accepted.
type JWT struct {
	Issuer   SecureURL     `yaml:"issuer"`
	Audience string        `yaml:"audience"`
	JWKSURL  SecureURL     `yaml:"jwks_url" default:""` // "": discovered from Issuer
	Claim    string        `yaml:"claim" default:""`    // decides which of Limits a token has
	Limits   []ClaimLimits `yaml:"limits" default:"[]" min:"1" max:"1000"`
	Default  *Limits       `yaml:"default"` // of tokens that none of Limits is for; nil: they are refused
}

// ClaimLimits are the limits of tokens whose claim has a value.
type ClaimLimits struct {
	Value  string `yaml:"value"`
	Limits `yaml:",inline"`
}

// Log is what is logged, and how.
type Log struct {
	Level  LogLevel  `yaml:"level" default:"info"`
	Format LogFormat `yaml:"format" default:"text"`
	// Content adds the beginnings of requests and responses to the log: prompts, labels, texts.
	Content bool `yaml:"content" default:"false"`
}
