package kinds

import (
	"fmt"
	"log/slog"
	"net/textproto"

	"penstock/configs"
	"penstock/outbound"
)

// Connection is how a server is reached. Its keys are those of the server itself.
type Connection struct {
	Headers map[string]configs.SecretText `yaml:"headers" default:"" max:"50"` // of every request, beside or in place of the gateway's
	Query   map[string]configs.SecretText `yaml:"query" default:"" max:"50"`   // of every request
	// CAFile holds the certificates that sign the server's, in PEM; "": those that the system
	// trusts. It is read once, at start, as the files of ClientCert are.
	CAFile             configs.Path `yaml:"ca_file" default:""`
	ClientCert         *ClientCert  `yaml:"client_cert"`
	InsecureSkipVerify bool         `yaml:"insecure_skip_verify" default:"false"` // accept any certificate
	// Proxy is a proxy's URL, or "none"; "": that of the environment.
	Proxy configs.SecretText `yaml:"proxy" default:""`
}

// ClientCert is the certificate that a server is shown, in PEM.
type ClientCert struct {
	CertFile configs.Path `yaml:"cert_file"`
	KeyFile  configs.Path `yaml:"key_file"`
}

// config returns the connection without its limits.
func (c Connection) config() outbound.Config {
	o := outbound.Config{
		Headers: revealed(c.Headers), Query: revealed(c.Query),
		CAFile: string(c.CAFile), InsecureSkipVerify: c.InsecureSkipVerify, Proxy: c.Proxy.Reveal(),
	}
	if c.ClientCert != nil {
		o.CertFile, o.KeyFile = string(c.ClientCert.CertFile), string(c.ClientCert.KeyFile)
	}
	return o
}

func revealed(texts map[string]configs.SecretText) map[string]string {
	if len(texts) == 0 {
		return nil
	}
	out := map[string]string{}
	for name, text := range texts {
		out[name] = text.Reveal()
	}
	return out
}

// check reports what is wrong with the connection to the server at a URL, whose keys begin with at,
// such as "upstreams[0]". It reads the files. The URL is empty if it could not be read.
func (c Connection) check(base, at string, report func(key, problem string)) {
	if c.ClientCert != nil && (c.ClientCert.CertFile == "" || c.ClientCert.KeyFile == "") {
		c.ClientCert = nil // reported already, as all that could not be read
	}
	config := c.config()
	for name, value := range config.Headers {
		if value == "" {
			delete(config.Headers, name)
		}
	}
	config.Check(base, func(key, problem string) { report(at+"."+key, problem) })
}

// header returns a header's name as headers has it, if that has the header.
func (c Connection) header(canonical string) (name string, ok bool) {
	for name := range c.Headers {
		if textproto.CanonicalMIMEHeaderKey(name) == canonical {
			return name, true
		}
	}
	return "", false
}

// warn logs what makes the connection to a server of a model insecure.
func (c Connection) warn(log *slog.Logger, model, server string) {
	if c.InsecureSkipVerify {
		log.Warn("certificates of an upstream are not checked: insecure_skip_verify is set, "+
			"and what is sent can be read and changed on the way",
			"model", model, "upstream", server)
	}
}

// ForwardHeaders are the headers of clients that a model's servers are sent; nil: the default ones.
type ForwardHeaders []string

// check reports names that cannot be passed on.
func (f ForwardHeaders) check(report func(key, problem string)) {
	for i, name := range f {
		if problem := outbound.CheckForward(name); problem != "" {
			report(fmt.Sprintf("forward_headers[%d]", i), problem)
		}
	}
}
