package configs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"penstock/configs"
)

// aModel completes the broken files below: a configuration needs a model.
const aModel = "models: [{name: m, kind: onnx-llm, path: p}]\n"

var digest = strings.Repeat("ab", 32)

// The messages are an interface: they are compared as a whole.
func TestProblems(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		// The text as a whole.
		{"empty", "", "f:1:1: the file is empty: name at least one model under models:"},
		{"comments only", "# a\n\n# b\n", "f:1:1: the file is empty: name at least one model under models:"},
		{"separator only", "---\n", "f:1:1: the file is empty: name at least one model under models:"},
		{"null", "~\n", "f:1:1: the file must consist of keys (server:, runtime:, streams:, models:, auth:), not nothing"},
		{"a text", "hello\n", `f:1:1: the file must consist of keys (server:, runtime:, streams:, models:, auth:), not "hello"`},
		{"a list", "- server\n", "f:1:1: the file must consist of keys (server:, runtime:, streams:, models:, auth:), not a list"},
		{"a colon without a space", "server:{}\n", `f:1:1: the file must consist of keys (server:, runtime:, streams:, models:, auth:), not "server:{}"`},
		{"no keys", "{}", "f:1:1: models is missing"},
		{"too large", strings.Repeat("#", 1<<20+1), "f:1:1: the file is larger than 1 MiB"},
		{"too many values", aModel + strings.Repeat("x: 1\n", 20_000), "f:1:1: the file has too many values"},
		{"not UTF-8", "server:\n  address: é\xff\n", "f:2:13: the file is not UTF-8 here"},
		{"UTF-16", "\xff\xfea\x00", "f:1:1: the file is not UTF-8 here"},
		{"a control character", "server:\n  address: \"a\x00\"\n", "f:2:14: control character U+0000: leave it out"},
		{"a byte order mark", "\ufeff" + aModel + "x: 1", `f:2:1: unknown key "x": known here: server, runtime, streams, models, auth, log, compat`},
		{"Windows line ends", "server:\r\n  x: 1\r\n  y: 2\r\n" + aModel, "f:2:3: unknown key \"x\": known here: address, shutdown_grace, max_body, read_header_timeout, hosts, cors, body_timeout, trusted_proxies, max_connections\nf:3:3: unknown key \"y\": known here: address, shutdown_grace, max_body, read_header_timeout, hosts, cors, body_timeout, trusted_proxies, max_connections"},

		// YAML that is not used.
		{"tab", "server:\n\taddress: x\n", "f:2:1: tabs cannot indent YAML: use spaces"},
		{"tab before a key", "\tserver: 1\n", "f:1:7: tabs cannot indent YAML: use spaces"},
		{"two documents", aModel + "---\n" + aModel, "f:2:1: a second document begins here: a configuration is one document"},
		{"an empty second document", aModel + "---\n", "f:2:1: a second document begins here: a configuration is one document"},
		{"more after the end", aModel + "...\nx: 1\n", "f:3:1: nothing may follow the document's end (...)"},
		{"another document after the end", aModel + "...\n---\nx: 1\n", "f:3:1: a second document begins here: a configuration is one document"},
		{"anchor and alias", "server: &s\n  hosts: []\nruntime: *s\n", "f:1:9: anchors (&name) are not supported: write the value wherever it is needed\nf:3:10: aliases (*name) are not supported: write the value out"},
		{"merge key", "server:\n  <<: {hosts: []}\n", "f:2:3: merge keys (<<) are not supported: write the keys out"},
		{"tag", "server:\n  hosts: !!seq []\n", "f:2:10: tags (!name) are not supported: leave it out"},
		{"explicit key", "? server\n: {}\n", "f:1:1: keys are written \"key: value\", without \"?\""},
		{"directive", "%YAML 1.2\n---\n" + aModel, "f:1:1: directives (%NAME) are not supported: leave it out"},
		{"deep lists", "models: " + strings.Repeat("[", 100_0) + strings.Repeat("]", 100_0), "f:1:29: nested too deeply"},
		{"deep dashes", "models:\n  " + strings.Repeat("- ", 1000) + "a\n", "f:2:43: nested too deeply"},
		{"open quote", "server:\n  address: \"a\n", "f:2:12: not valid YAML: could not find end character of double-quoted text"},
		{"open bracket", "server:\n  hosts: [a\n", "f:2:10: not valid YAML: sequence end token ']' not found"},
		{"bad indentation", "server:\n  hosts: []\n max_body: 1MiB\n", "f:3:2: not valid YAML: value is not allowed in this context"},

		// Keys.
		{"unknown, near", "runtime:\n  queu: {limit: 1}\n" + aModel, `f:2:3: unknown key "queu": did you mean "queue"?`},
		{"unknown, swapped", "sevrer: {}\n" + aModel, `f:1:1: unknown key "sevrer": did you mean "server"?`},
		{"unknown, capitals", "Server: {}\n" + aModel, `f:1:1: unknown key "Server": did you mean "server"?`},
		{"unknown, far", "runtime: {queue: {limit: 1, size: 3}}\n" + aModel, `f:1:29: unknown key "size": known here: limit, timeout, per_caller`},
		{"unknown, a number", "runtime: {queue: {1: 2}}\n" + aModel, `f:1:19: unknown key "1": known here: limit, timeout, per_caller`},
		{"doubled", "server: {}\n" + aModel + "server: {hosts: 1}\n", `f:3:1: key "server" was given already, in line 1`},
		{"doubled in braces", "runtime: {queue: {limit: 1, limit: 2}}\n" + aModel, `f:1:29: key "limit" was given already, in line 1`},
		{"unknown and doubled", "x: 1\nx: 2\n" + aModel, "f:1:1: unknown key \"x\": known here: server, runtime, streams, models, auth, log, compat\nf:2:1: key \"x\" was given already, in line 1"},
		{"no value", "server:\nruntime: {queue: }\n" + aModel, "f:1:1: server has no value: give it one or leave it out\nf:2:11: runtime.queue has no value: give it one or leave it out"},

		// Types.
		{"a value for keys", "server: 8080\n" + aModel, "f:1:9: server must be a mapping of keys, not 8080"},
		{"a list for keys", "server: [a]\n" + aModel, "f:1:9: server must be a mapping of keys, not a list"},
		{"keys for a value", "server: {address: {host: a}}\n" + aModel, "f:1:19: server.address must be one value, not a mapping"},
		{"a list for a value", "server:\n  address:\n    - a\n" + aModel, "f:3:5: server.address must be one value, not a list"},
		{"a value for a list", "server: {hosts: a.example}\n" + aModel, `f:1:17: server.hosts must be a list, not "a.example"`},
		{"keys for a list", "models: {a: b}\n", "f:1:9: models must be a list, not a mapping"},
		{"empty list", "models: []\n", "f:1:9: models must have at least 1 entries, not 0"},
		{"text for a number", "runtime: {predict_concurrency: five}\n" + aModel, `f:1:32: runtime.predict_concurrency must be a whole number in decimal digits, not "five"`},
		{"number in quotes", "runtime: {predict_concurrency: \"5\"}\n" + aModel, `f:1:32: runtime.predict_concurrency must be a whole number without quotes, not "5": did you mean 5?`},
		{"fraction", "runtime: {predict_concurrency: 1.5}\n" + aModel, "f:1:32: runtime.predict_concurrency must be a whole number in decimal digits, not 1.5"},
		{"hexadecimal", "runtime: {predict_concurrency: 0x10}\n" + aModel, "f:1:32: runtime.predict_concurrency must be a whole number in decimal digits, not 0x10"},
		{"octal", "runtime: {predict_concurrency: 010}\n" + aModel, "f:1:32: runtime.predict_concurrency must be a whole number in decimal digits, not 010"},
		{"true for a number", "runtime: {predict_concurrency: true}\n" + aModel, "f:1:32: runtime.predict_concurrency must be a whole number in decimal digits, not true"},
		{"infinite", "runtime: {predict_concurrency: .inf}\n" + aModel, "f:1:32: runtime.predict_concurrency must be a whole number in decimal digits, not .inf"},
		{"huge number", "runtime: {predict_concurrency: 99999999999999999999}\n" + aModel, `f:1:32: runtime.predict_concurrency must be a smaller number, not "99999999999999999999"`},
		{"zero", "runtime: {predict_concurrency: 0}\n" + aModel, "f:1:32: runtime.predict_concurrency must be at least 1, not 0"},
		{"negative", "runtime: {queue: {limit: -1}}\n" + aModel, "f:1:26: runtime.queue.limit must be at least 0, not -1"},
		{"too many", "runtime: {queue: {limit: 1000001}}\n" + aModel, "f:1:26: runtime.queue.limit must be at most 1000000, not 1000001"},

		// Units.
		{"duration without a unit", "streams: {retry: 2}\n" + aModel, "f:1:18: streams.retry must be a duration with its unit, such as 30s or 2m, not 2: did you mean 2s?"},
		{"duration, zero", "streams: {retry: 0}\n" + aModel, "f:1:18: streams.retry must be at least 1ms, not 0"},
		{"duration, negative", "streams: {retry: -2s}\n" + aModel, `f:1:18: streams.retry must be at least 1ms, not "-2s"`},
		{"duration, too long", "streams: {heartbeat: 61m}\n" + aModel, `f:1:22: streams.heartbeat must be at most 1h, not "61m"`},
		{"duration, words", "streams: {heartbeat: 2 minutes}\n" + aModel, `f:1:22: streams.heartbeat must be a duration with its unit, such as 30s or 2m, not "2 minutes"`},
		{"size in megabytes", "server: {max_body: 20 MB}\n" + aModel, `f:1:20: server.max_body must be a size such as 20MiB or 512KiB, not "20 MB": did you mean 20MiB?`},
		{"size, words", "server: {max_body: large}\n" + aModel, `f:1:20: server.max_body must be a size such as 20MiB or 512KiB, not "large"`},
		{"size, too small", "server: {max_body: 20}\n" + aModel, "f:1:20: server.max_body must be at least 1KiB, not 20"},
		{"size, overflowing", "server: {max_body: 9999999999999TiB}\n" + aModel, `f:1:20: server.max_body must be a smaller number, not "9999999999999TiB"`},
		{"size, endless", "server: {max_body: 99999999999999999999KiB}\n" + aModel, `f:1:20: server.max_body must be a smaller number, not "99999999999999999999KiB"`},

		// Addresses, hosts, origins.
		{"address without a port", "server: {address: 127.0.0.1}\n" + aModel, "f:1:19: server.address must be host:port, such as 127.0.0.1:8080, not \"127.0.0.1\""},
		{"port alone", "server: {address: 8080}\n" + aModel, "f:1:19: server.address must be host:port, such as 127.0.0.1:8080, not 8080"},
		{"port by name", "server: {address: \"localhost:http\"}\n" + aModel, "f:1:19: server.address must be host:port, such as 127.0.0.1:8080, not \"localhost:http\""},
		{"port too high", "server: {address: \"localhost:65536\"}\n" + aModel, "f:1:19: server.address must be host:port, such as 127.0.0.1:8080, not \"localhost:65536\""},
		{"mistyped IP address", "server: {address: \"127.0.0.256:80\"}\n" + aModel, "f:1:19: server.address must be host:port, such as 127.0.0.1:8080, not \"127.0.0.256:80\""},
		{"a URL for an address", "server: {address: \"http://localhost:80\"}\n" + aModel, "f:1:19: server.address must be host:port, such as 127.0.0.1:8080, not \"http://localhost:80\""},
		{"host with a port", "server: {hosts: [\"a.example:80\"]}\n" + aModel, `f:1:18: server.hosts[0] must be a host name such as penstock.example.com, without scheme and port (IP addresses are served anyway), not "a.example:80"`},
		{"host, any", "server: {hosts: [\"*.example.com\"]}\n" + aModel, `f:1:18: server.hosts[0] must be a host name such as penstock.example.com, without scheme and port (IP addresses are served anyway), not "*.example.com"`},
		{"host, doubled", "server: {hosts: [a.example, A.example.]}\n" + aModel, "f:1:29: server.hosts[1] is the same as server.hosts[0]"},
		{"a proxy by name", "server: {trusted_proxies: [proxy.example]}\n" + aModel, `f:1:28: server.trusted_proxies[0] must be a network such as 10.0.0.0/8, or an IP address, not "proxy.example"`},
		{"CORS without origins", "server: {cors: {}}\n" + aModel, "f:1:16: server.cors.origins is missing"},
		{"origin, any", "server: {cors: {origins: [\"*\"]}}\n" + aModel, `f:1:27: server.cors.origins[0] * lets any web page that is opened in a browser here use the models, and no key is needed: list the pages, or require keys with auth: {keys: […]}, or allow all requests with auth: {mode: none}`},
		{"origin, null", "server: {cors: {origins: [https://a.example, \"null\"]}}\n" + aModel, `f:1:46: server.cors.origins[1] null lets any web page that is opened in a browser here use the models, and no key is needed: list the pages, or require keys with auth: {keys: […]}, or allow all requests with auth: {mode: none}`},
		{"origin of an extension with a path", "server: {cors: {origins: [\"chrome-extension://abc/popup.html\"]}}\n" + aModel, `f:1:27: server.cors.origins[0] must be one origin such as https://app.example.com or chrome-extension://abc, without a path, or * for all, not "chrome-extension://abc/popup.html"`},
		{"origin, a part of the name", "server: {cors: {origins: [\"https://*.example\"]}}\n" + aModel, `f:1:27: server.cors.origins[0] must be one origin such as https://app.example.com or chrome-extension://abc, without a path, or * for all, not "https://*.example"`},
		{"origin with a slash", "server: {cors: {origins: [\"https://a.example/\"]}}\n" + aModel, `f:1:27: server.cors.origins[0] must be one origin such as https://app.example.com or chrome-extension://abc, without a path, or * for all, not "https://a.example/"`},
		{"origin without scheme", "server: {cors: {origins: [a.example]}}\n" + aModel, `f:1:27: server.cors.origins[0] must be one origin such as https://app.example.com or chrome-extension://abc, without a path, or * for all, not "a.example"`},
		{"origin, any port elsewhere", "server: {cors: {origins: [\"http://a.example:*\"]}}\n" + aModel, `f:1:27: server.cors.origins[0] may have any port (*) only on this machine, as in http://localhost:*, not "http://a.example:*"`},
		{"origin, any port of a machine that only begins as this one", "server: {cors: {origins: [\"http://localhost.example:*\"]}}\n" + aModel, `f:1:27: server.cors.origins[0] may have any port (*) only on this machine, as in http://localhost:*, not "http://localhost.example:*"`},
		{"origin, some ports", "server: {cors: {origins: [\"http://localhost:3*\"]}}\n" + aModel, `f:1:27: server.cors.origins[0] must be one origin such as https://app.example.com or chrome-extension://abc, without a path, or * for all, not "http://localhost:3*"`},
		{"origin, a port and any", "server: {cors: {origins: [\"http://localhost:80:*\"]}}\n" + aModel, `f:1:27: server.cors.origins[0] must be one origin such as https://app.example.com or chrome-extension://abc, without a path, or * for all, not "http://localhost:80:*"`},
		{"origin, any port doubled", "server: {cors: {origins: [\"http://localhost:*\", \"http://LOCALHOST:*\"]}}\n" + aModel, "f:1:49: server.cors.origins[1] is the same as server.cors.origins[0]"},
		{"origin, doubled by its port", "server: {cors: {origins: [\"https://a.example\", \"https://A.example:443\"]}}\n" + aModel, "f:1:48: server.cors.origins[1] is the same as server.cors.origins[0]"},

		// Authorization.
		{"open to others", "server: {address: \"0.0.0.0:8080\"}\n" + aModel, "f:1:19: server.address 0.0.0.0:8080 can be reached from other machines: listen on 127.0.0.1, or say who may use Penstock with auth: {keys: […]} (those who have one) or auth: {mode: none} (everyone)"},
		{"all interfaces", "server: {address: \":80\"}\n" + aModel, "f:1:19: server.address :80 can be reached from other machines: listen on 127.0.0.1, or say who may use Penstock with auth: {keys: […]} (those who have one) or auth: {mode: none} (everyone)"},
		{"empty auth", "auth: {}\n" + aModel, "f:1:7: auth must say who may use Penstock: auth: {keys: […]} (those who have one) or auth: {mode: none} (everyone)"},
		{"auth without a value", "auth:\n" + aModel, "f:1:1: auth has no value: give it one or leave it out"},
		{"empty mode", "auth: {mode: \"\"}\n" + aModel, "f:1:7: auth must say who may use Penstock: auth: {keys: […]} (those who have one) or auth: {mode: none} (everyone)"},
		{"unknown mode", "auth: {mode: open}\n" + aModel, `f:1:14: auth.mode must be none, not "open"`},
		{"no keys at all", "auth: {keys: []}\n" + aModel, "f:1:14: auth.keys must have at least 1 entries, not 0"},
		{"keys and everyone", "auth: {mode: none, keys: [{name: k, sha256: " + digest + "}]}\n" + aModel, "f:1:14: auth.mode stands beside auth.keys: leave one of them out"},
		{"half a key", "auth: {keys: [{sha256: abc}]}\n" + aModel, "f:1:15: auth.keys[0].name is missing\nf:1:24: auth.keys[0].sha256 must be 64 hex digits, the SHA-256 of the key, not \"abc\""},
		{"keys twice", "auth:\n  keys:\n    - {name: k, sha256: " + digest + "}\n    - {name: k, sha256: " + strings.ToUpper(digest) + "}\n" + aModel, "f:4:14: auth.keys[1].name is the same as auth.keys[0].name\nf:4:25: auth.keys[1].sha256 is the same as auth.keys[0].sha256"},
		{"a key's model", "auth: {keys: [{name: k, sha256: " + digest + ", models: [mm, other]}]}\n" + aModel, "f:1:108: auth.keys[0].models[0] is no model of this file: known here: m\nf:1:112: auth.keys[0].models[1] is no model of this file: known here: m"},
		{"a pattern of no model", "auth: {keys: [{name: k, sha256: " + digest + ", models: [x*, \"*\", m]}]}\n" + aModel, "f:1:108: auth.keys[0].models[0] matches no model of this file: known here: m"},
		{"a keys file and everyone", "auth: {mode: none, keys_file: k}\n" + aModel, "f:1:14: auth.mode stands beside auth.keys_file: leave one of them out"},
		{"state alone", "auth: {state: d}\n" + aModel, "f:1:7: auth must say who may use Penstock: auth: {keys: […]} (those who have one) or auth: {mode: none} (everyone)"},
		{"a priority", "auth: {keys: [{name: k, sha256: " + digest + ", priority: bach}]}\n" + aModel, `f:1:109: auth.keys[0].priority must be interactive or batch, not "bach": did you mean "batch"?`},
		{"tokens of an insecure issuer", "auth: {jwt: {issuer: \"http://login.example.com\", audience: a, default: {}}}\n" + aModel, `f:1:22: auth.jwt.issuer must be an https URL such as https://login.example.com, without user, query or fragment (http on this machine only), not "http://login.example.com"`},
		{"tokens without limits", "auth: {jwt: {issuer: \"https://l.example\", audience: a}}\n" + aModel, "f:1:13: auth.jwt must say what tokens allow: default: {} (everything), or claim and limits"},
		{"tokens without a claim", "auth: {jwt: {issuer: \"https://l.example\", audience: a, limits: [{value: v}]}}\n" + aModel, "f:1:64: auth.jwt.limits needs auth.jwt.claim, the claim that has these values"},
		{"a claim without limits", "auth: {jwt: {issuer: \"https://l.example\", audience: a, claim: c}}\n" + aModel, "f:1:63: auth.jwt.claim needs auth.jwt.limits, which limits each of its values has"},
		{"a claim's value twice", "auth: {jwt: {issuer: \"https://l.example\", audience: a, claim: c, limits: [{value: v}, {value: v, models: [no]}]}}\n" + aModel, "f:1:95: auth.jwt.limits[1].value is the same as auth.jwt.limits[0].value\nf:1:107: auth.jwt.limits[1].models[0] is no model of this file: known here: m"},
		{"a key for nothing", "auth: {keys: [{name: k, sha256: " + digest + ", models: [], streams: 0}]}\n" + aModel, "f:1:107: auth.keys[0].models must have at least 1 entries, not 0\nf:1:120: auth.keys[0].streams must be at least 1, not 0"},

		// Streams.
		{"buffer beyond the total", "streams: {resume: {buffer: 2MiB, total: 1MiB}}\n" + aModel, "f:1:28: streams.resume.buffer must be at most streams.resume.total (1MiB), not 2MiB"},
		{"total below the buffer", "streams: {resume: {total: 1MiB}}\n" + aModel, "f:1:27: streams.resume.buffer must be at most streams.resume.total (1MiB), not 4MiB"},

		// Models.
		{"not a model", "models: [clip]\n", `f:1:10: models[0] must be a mapping of keys, not "clip"`},
		{"no kind", "models: [{name: m}]\n", "f:1:10: models[0].kind is missing: it is clip, onnx-llm, openai or http"},
		{"unknown kind", "models: [{name: m, kind: onnx_llm}]\n", `f:1:26: models[0].kind must be clip, onnx-llm, openai or http, not "onnx_llm": did you mean "onnx-llm"?`},
		{"far off kind", "models: [{name: m, kind: 7}]\n", "f:1:26: models[0].kind must be clip, onnx-llm, openai or http, not 7"},
		{"kind without a value", "models: [{name: m, kind: }]\n", "f:1:20: models[0].kind has no value: give it one"},
		{"models without a value", "models:\n", "f:1:1: models has no value: give it one"},
		{"required keys without a value", "models: [{name: , kind: clip, path: , labels: , fetch: }]\n", "f:1:11: models[0].name has no value: give it one\nf:1:31: models[0].path has no value: give it one\nf:1:39: models[0].labels has no value: give it one or leave it out\nf:1:49: models[0].fetch has no value: give it one or leave it out"},
		{"kind as a list", "models: [{name: m, kind: [clip]}]\n", "f:1:26: models[0].kind must be one value, not a list"},
		{"nothing but a kind", "models:\n  - kind: clip\n  - kind: onnx-llm\n  - kind: openai\n", "f:2:5: models[0].name is missing\nf:2:5: models[0].path is missing\nf:3:5: models[1].name is missing\nf:3:5: models[1].path is missing\nf:4:5: models[2].name is missing\nf:4:5: models[2].upstreams is missing"},
		{"another kind's key", "models: [{name: m, kind: onnx-llm, path: p, labels: [a]}]\n", `f:1:45: unknown key "labels": known here: kind, name, aliases, default, path, dtype, max_tokens`},
		{
			"name and alias", "models:\n  - {name: m, kind: onnx-llm, path: p}\n  - {name: n, kind: onnx-llm, path: q, aliases: [a, m, n]}\n  - {name: a, kind: onnx-llm, path: q, aliases: [a, b, b]}\n",
			"f:3:53: models[1].aliases[1] is the same as models[0].name, in line 2\n" +
				"f:3:56: models[1].aliases[2] is the same as models[1].name, in line 3\n" +
				"f:4:12: models[2].name is the same as models[1].aliases[0], in line 3\n" +
				"f:4:50: models[2].aliases[0] is the same as models[1].aliases[0], in line 3\n" +
				"f:4:56: models[2].aliases[2] is the same as models[2].aliases[1]",
		},
		{"pattern of a kind of one model", "models: [{name: \"m/*\", kind: clip, path: p, labels: [a]}]\n", `f:1:17: models[0].name must not have a *: a model of kind clip is one model, and only kind openai takes a pattern`},
		{"two wildcards", "models: [{name: \"m/*/*\", kind: openai, upstreams: [{base_url: \"https://a.example/v1\"}]}]\n", `f:1:17: models[0].name must have one * at most, at its end or in its middle, not "m/*/*"`},
		{"wildcard first", "models: [{name: \"*/m\", kind: openai, upstreams: [{base_url: \"https://a.example/v1\"}]}]\n", `f:1:17: models[0].name must have one * at most, at its end or in its middle, not "*/m"`},
		{"pattern that ends in a verb", "models: [{name: \"m/*/stream\", kind: openai, upstreams: [{base_url: \"https://a.example/v1\"}]}]\n", `f:1:17: models[0].name must not end in :predict, /predict, :stream, /stream, :rank or /rank, which are verbs of the model named before them, not "m/*/stream"`},
		{"pattern twice", "models:\n  - {name: \"m/*\", kind: openai, upstreams: [{base_url: \"https://a.example/v1\"}]}\n  - {name: \"m/*\", kind: openai, upstreams: [{base_url: \"https://a.example/v1\"}]}\n", `f:3:12: models[1].name is the same as models[0].name, in line 2`},
		{"pattern with an alias", "models: [{name: \"m/*\", kind: openai, aliases: [a], upstreams: [{base_url: \"https://a.example/v1\"}]}]\n", `f:1:47: models[0].aliases must not be given to m/*, which is many models: give the one that is meant an entry of its own`},
		{"default pattern", "models: [{name: \"m/*\", kind: openai, default: true, upstreams: [{base_url: \"https://a.example/v1\"}]}]\n", `f:1:47: models[0].default must not be true for m/*, which is many models: give the one that is meant an entry of its own`},
		{"alias that is a pattern", "models: [{name: m, kind: openai, aliases: [\"a/*\"], upstreams: [{base_url: \"https://a.example/v1\"}]}]\n", `f:1:44: models[0].aliases[0] must not have a *: only a model's name can be a pattern, not "a/*"`},
		{"upstream pattern without one", "models: [{name: m, kind: openai, upstreams: [{base_url: \"https://a.example/v1\", model: \"x/*\"}]}]\n", `f:1:88: models[0].upstreams[0].model must not have a *, which stands for what the * of the name matched: m has none`},
		{"upstream with two wildcards", "models: [{name: \"m/*\", kind: openai, upstreams: [{base_url: \"https://a.example/v1\", model: \"*/*\"}]}]\n", `f:1:92: models[0].upstreams[0].model must have one * at most, which stands for what the * of the name matched`},
		{"key for nothing of a pattern", "auth: {keys: [{name: k, sha256: " + digest + ", models: [\"mm/x\", \"m/y\"]}]}\nmodels: [{name: \"m/*\", kind: openai, upstreams: [{base_url: \"https://a.example/v1\"}]}]\n", `f:1:108: auth.keys[0].models[0] is no model of this file: known here: m/*`},
		{
			"two defaults", "models:\n  - {name: m, kind: onnx-llm, path: p, default: true}\n  - {name: n, kind: onnx-llm, path: q, default: false}\n  - {name: o, kind: onnx-llm, path: q, default: true}\n",
			"f:4:49: models[2].default is true, as models[0].default is, in line 2: only one model can be the default",
		},
		{"compat without a default", "models:\n  - {name: m, kind: onnx-llm, path: p, default: false}\ncompat: [truss]\n", "f:3:9: compat adds routes for the model with default: true, which no model of this file has"},
		{
			"compat of something else", "models:\n  - {name: m, kind: onnx-llm, path: p, default: true}\ncompat: [truss, vertex, sagmaker, truss]\n",
			"f:3:17: compat[1] must be truss or sagemaker, not \"vertex\"\nf:3:25: compat[2] must be truss or sagemaker, not \"sagmaker\": did you mean \"sagemaker\"?\nf:3:35: compat[3] is the same as compat[0]",
		},
		{"compat as a text", "models:\n  - {name: m, kind: onnx-llm, path: p, default: true}\ncompat: truss\n", "f:3:9: compat must be a list, not \"truss\""},
		{"name doubled", "models:\n  - {name: m, kind: onnx-llm, path: p}\n  - {name: m, kind: onnx-llm, path: q}\n", "f:3:12: models[1].name is the same as models[0].name, in line 2"},
		{"name that ends in the verb rank", "models: [{name: \"clip:rank\", kind: onnx-llm, path: p}]\n", `f:1:17: models[0].name must not end in :predict, /predict, :stream, /stream, :rank or /rank, which are verbs of the model named before them, not "clip:rank"`},
		{"name that ends in a verb after a colon", "models: [{name: \"m:predict\", kind: onnx-llm, path: p}]\n", `f:1:17: models[0].name must not end in :predict, /predict, :stream, /stream, :rank or /rank, which are verbs of the model named before them, not "m:predict"`},
		{"name of several verbs", "models: [{name: \"llama3.2:1b:stream\", kind: onnx-llm, path: p}]\n", `f:1:17: models[0].name must not end in :predict, /predict, :stream, /stream, :rank or /rank, which are verbs of the model named before them, not "llama3.2:1b:stream"`},
		{"name that climbs", "models: [{name: a/../b, kind: onnx-llm, path: p}]\n", `f:1:17: models[0].name must be letters, digits, ".", "_", "-" and ":" in parts parted by "/", each beginning with a letter or a digit, 200 characters at most, not "a/../b"`},
		{"name that ends in a verb", "models: [{name: a/stream, kind: onnx-llm, path: p}]\n", `f:1:17: models[0].name must not end in :predict, /predict, :stream, /stream, :rank or /rank, which are verbs of the model named before them, not "a/stream"`},
		{"number for a name", "models: [{name: 7, kind: onnx-llm, path: p}]\n", `f:1:17: models[0].name must be a text, not 7: did you mean "7"?`},
		{"empty path", "models: [{name: m, kind: onnx-llm, path: \"\"}]\n", `f:1:42: models[0].path must be a path, not ""`},
		{"zero byte in a path", "models: [{name: m, kind: onnx-llm, path: \"a\\0\"}]\n", `f:1:42: models[0].path must be a path, not "a\x00"`},
		{"max_tokens", "models: [{name: m, kind: onnx-llm, path: p, max_tokens: 0}]\n", "f:1:57: models[0].max_tokens must be at least 1, not 0"},
		{"dtype", "models: [{name: m, kind: clip, path: p, labels: [a], dtype: int4}, {name: n, kind: onnx-llm, path: p, dtype: q4fp16}]\n", "f:1:61: models[0].dtype must be fp32, fp16, q8, int8, uint8, q4, q4f16 or bnb4, not \"int4\": did you mean \"int8\"?\n" +
			"f:1:110: models[1].dtype must be fp32, fp16, q8, int8, uint8, q4, q4f16 or bnb4, not \"q4fp16\": did you mean \"q4f16\"?"},
		{"labels", "models: [{name: m, kind: clip, path: p, labels: [a, \" \", a, {b: c}, [d], ~, true]}]\n", "f:1:53: models[0].labels[1] must be some text, not \" \"\nf:1:58: models[0].labels[2] is the same as models[0].labels[0]\nf:1:61: models[0].labels[3] must be one value, not a mapping\nf:1:69: models[0].labels[4] must be one value, not a list\nf:1:74: models[0].labels[5] has no value: give it one or leave it out\nf:1:77: models[0].labels[6] must be a text, not true: did you mean \"true\"?"},
		{"no labels", "models: [{name: m, kind: clip, path: p, labels: []}]\n", "f:1:49: models[0].labels must have at least 1 entries, not 0"},
		{"too many labels", "models: [{name: m, kind: clip, path: p, labels: [" + strings.Repeat("a, ", 1001) + "]}]\n", "f:1:49: models[0].labels must have at most 1000 entries, not 1001"},
		{"template", "models: [{name: m, kind: clip, path: p, labels: [a], template: \"a photo\"}]\n", `f:1:64: models[0].template must contain {} once, where the label goes, such as "a photo of a {}", not "a photo"`},
		{"yes", "models: [{name: m, kind: clip, path: p, labels: [a], auto_orient: yes}]\n", `f:1:67: models[0].auto_orient must be true or false, not "yes"`},
		{"true in quotes", "models: [{name: m, kind: clip, path: p, labels: [a], auto_orient: \"true\"}]\n", `f:1:67: models[0].auto_orient must be true or false without quotes, not "true": did you mean true?`},
		{"fetch", "models: [{name: m, kind: clip, path: p, labels: [a], fetch: {at_once: 4, allow: [10.0.0.0/33, \"fe80::1%eth0\", 10.1.2.3/8, 10.0.0.0/8]}}]\n", "f:1:61: models[0].fetch.per_host must be at most fetch.at_once (4), not 16\n" +
			"f:1:82: models[0].fetch.allow[0] must be a network such as 10.0.0.0/8, an IP address or a host name such as images.example.com, not \"10.0.0.0/33\"\n" +
			"f:1:95: models[0].fetch.allow[1] must be a network such as 10.0.0.0/8, an IP address or a host name such as images.example.com, not \"fe80::1%eth0\"\n" +
			"f:1:123: models[0].fetch.allow[3] is the same as models[0].fetch.allow[2]"},
		{"wrong values leave the defaults", "models: [{name: m, kind: clip, path: p, labels: [a], fetch: {at_once: 0}}]\n", "f:1:71: models[0].fetch.at_once must be at least 1, not 0"},

		{
			"headers of clients", "models: [{name: m, kind: openai, upstreams: [{base_url: \"http://a.example\"}], forward_headers: [X-Tenant, TE, cookie, Authorization, \"a b\"]}]\n",
			"f:1:107: models[0].forward_headers[1] has TE, which cannot be passed on: it belongs to one connection\n" +
				"f:1:119: models[0].forward_headers[3] has Authorization, which needs a choice of upstreams: forward_authorization: true at those that are sent the client's own key\n" +
				"f:1:134: models[0].forward_headers[4] has \"a b\", which is no name of a header: names are letters, digits and -",
		},
		// Upstreams.
		{"upstreams", `models:
  - name: m
    kind: openai
    midstream: matched
    timeouts: {connect: 0s}
    upstreams:
      - {}
      - {base_url: api.openai.com}
      - {base_url: "https://user:pw@a.example/v1?x=y"}
      - {base_url: "https://a.example:0/v1", weight: 0, priority: 0}
      - {base_url: "ftp://a.example", model: " ", forward_authorization: 1}
`, `f:4:16: models[0].midstream must be off or match, not "matched": did you mean "match"?
f:5:25: models[0].timeouts.connect must be at least 1ms, not "0s"
f:7:9: models[0].upstreams[0].base_url is missing
f:8:20: models[0].upstreams[1].base_url must be an http or https URL such as https://api.openai.com/v1, without user, query or fragment, not "api.openai.com"
f:9:20: models[0].upstreams[2].base_url must be an http or https URL such as https://api.openai.com/v1, without user, query or fragment (the key query has parameters such as api-version), not "https://…@a.example/v1?…"
f:10:20: models[0].upstreams[3].base_url must be an http or https URL such as https://api.openai.com/v1, without user, query or fragment, not "https://a.example:0/v1"
f:10:54: models[0].upstreams[3].weight must be at least 1, not 0
f:10:67: models[0].upstreams[3].priority must be at least 1, not 0
f:11:20: models[0].upstreams[4].base_url must be an http or https URL such as https://api.openai.com/v1, without user, query or fragment, not "ftp://a.example"
f:11:46: models[0].upstreams[4].model must be some text, not " "
f:11:74: models[0].upstreams[4].forward_authorization must be true or false, not 1`},

		// The environment in texts.
		{"variable not set", "models: [{name: m, kind: onnx-llm, path: \"${MODELS}/a/${NAME}\"}]\n", "f:1:42: models[0].path needs the environment variable MODELS, which is not set\nf:1:42: models[0].path needs the environment variable NAME, which is not set"},
		{"variable outside quotes", "models:\n  - {name: m, kind: onnx-llm, max_tokens: 1, path: x}\n  - name: n\n    kind: onnx-llm\n    path: ${SET}\n", "f:5:11: models[1].path has ${ outside quotes: only a quoted text takes values from the environment"},
		{"variable in a block", "models:\n  - name: n\n    kind: onnx-llm\n    path: |\n      ${SET}\n", "f:4:11: models[0].path has ${ outside quotes: only a quoted text takes values from the environment"},
		{"not a variable", "models: [{name: m, kind: onnx-llm, path: \"${SET}${1A}\"}]\n", "f:1:42: models[0].path has a ${ that does not begin ${NAME}: names are letters, digits and _"},
		{"variable adds no structure", "models: [{name: m, kind: onnx-llm, path: p, max_tokens: \"${STRUCTURE}\"}]\n", "f:1:57: models[0].max_tokens must be a whole number in decimal digits, not \"${STRUCTURE}\""},
		{"variable's value is not shown", "models: [{name: m, kind: clip, path: p, labels: [a], fetch: {timeout: \"${SET}\"}}]\n", "f:1:71: models[0].fetch.timeout must be a duration with its unit, such as 30s or 2m, not \"${SET}\""},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := environment("SET", "1234", "STRUCTURE", "1, name: x")
			_, err := loadUnrestricted(configs.Source{Name: "f", Text: []byte(test.text)}, configs.Options{Env: env})
			if err == nil {
				t.Fatal("no problem was found")
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidFiles(t *testing.T) {
	for _, text := range []string{
		"---\n" + aModel + "...\n",
		"# a comment\n" + aModel,
		"\ufeff" + strings.ReplaceAll(aModel, "\n", "\r\n"),
		"server: {address: \"localhost:0\"}\n" + aModel,
		"server: {address: \"[::1]:80\", shutdown_grace: 0}\n" + aModel,
		"server: {address: \"[::ffff:127.0.0.1]:80\"}\n" + aModel,
		"server: {address: \":80\"}\nauth: {mode: none}\n" + aModel,
		"server: {max_body: 1048576, hosts: [penstock, a.b-c.example]}\n" + aModel,
		"server: {max_body: 2048B, cors: {origins: [\"http://localhost:3000\", \"http://[::1]:80\"]}}\n" + aModel,
		"server: {cors: {origins: [chrome-extension://abcdefghijklmnop, \"moz-extension://*\", app://obsidian.md, tauri://localhost, \"file://\", \"vscode-webview://*\"]}}\n" + aModel,
		"server: {cors: {origins: [\"*\", \"null\"]}}\nauth: {mode: none}\n" + aModel,
		"server: {cors: {origins: [\"http://localhost:*\", \"https://127.0.0.1:*\", \"http://[::1]:*\"]}}\n" + aModel,
		"streams: {retry: \"1m30s\", heartbeat: 500ms}\n" + aModel,
		"models: [{name: m, kind: onnx-llm, path: \"${A}\", max_tokens: \"${N}\"}]\n",
		"models: [{name: predict, kind: onnx-llm, path: p}, {name: a/b/c.d-e_f, kind: onnx-llm, path: p}]\n",
	} {
		if _, err := load(configs.Source{Name: "f", Text: []byte(text)}, configs.Options{Env: environment("A", "x", "N", "7")}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
