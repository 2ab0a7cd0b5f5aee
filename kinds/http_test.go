package kinds_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"penstock/configs"
	"penstock/engine"
	"penstock/kinds"
)

func loadHTTP(keys string) (configs.Config, error) {
	options := configs.Options{GeneratorPostprocess: engine.ErrGeneratorPostprocess}
	for _, kind := range kinds.All() {
		options.Kinds = append(options.Kinds, kind.Kind)
	}
	text := "models:\n  - name: m\n    kind: http\n" + keys
	return configs.Load(configs.Source{Name: "p.yaml", Text: []byte(text)}, options)
}

func TestDefaultsOfKindHTTP(t *testing.T) {
	c, err := loadHTTP("    predict: {url: http://127.0.0.1/p}\n    stream: {url: http://127.0.0.1/s}\n    health: {url: http://127.0.0.1/h}\n")
	if err != nil {
		t.Fatal(err)
	}
	o := c.Models[0].Options.(kinds.HTTPOptions)
	if o.Predict.Method != "POST" || o.Predict.Timeout != time.Minute || o.Stream.Format != "sse" || o.Gate != "" ||
		o.Health.Interval != 10*time.Second || o.Health.Timeout != 5*time.Second || o.MaxAnswer != 64<<20 || o.MaxEvent != 64<<20 ||
		o.Timeouts != (kinds.HTTPTimeouts{Connect: 5 * time.Second, FailoverAfter: 10 * time.Second, FirstToken: 10 * time.Minute, BetweenTokens: 2 * time.Minute, Total: time.Hour}) {
		t.Errorf("%+v", o)
	}
	if got, want := o.Summary(), "predict http://127.0.0.1/p; stream http://127.0.0.1/s"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
}

func TestMistakesInKindHTTP(t *testing.T) {
	const predict = "    predict: {url: http://127.0.0.1/p}\n"
	for keys, want := range map[string]string{
		"    gate: shared\n": "p.yaml:2:5: models[0].predict is missing: a model of kind http has predict, stream or both",
		predict + "    gate: shared\n    concurrency: 8\n":                                   "p.yaml:6:18: models[0].concurrency stands beside gate: shared, whose permits are runtime.predict_concurrency: leave one of them out",
		predict + "    gate: mine\n":                                                         "p.yaml:5:11: models[0].gate must be shared, not \"mine\"",
		"    predict: {}\n":                                                                  "p.yaml:4:14: models[0].predict.url is missing",
		"    predict: {url: http://a, urls: [http://b]}\n":                                   "p.yaml:4:36: models[0].predict.urls stands beside url: leave one of them out",
		"    predict: {url: http://a, method: DELETE}\n":                                     "p.yaml:4:38: models[0].predict.method must be POST, PUT, PATCH or GET, not \"DELETE\"",
		"    predict: {url: http://a, ca_file: x.pem}\n":                                     "p.yaml:4:39: models[0].predict.ca_file needs an https URL: without TLS there are no certificates",
		"    predict: {urls: [https://a, http://b, http://c], insecure_skip_verify: true}\n": "p.yaml:4:76: models[0].predict.insecure_skip_verify needs an https URL: without TLS there are no certificates",
		"    predict: {urls: [http://a, http://b], headers: {Host: b}}\n":                    "p.yaml:4:59: models[0].predict.headers.Host cannot be set: it is that of the URL",
		"    predict: {url: http://a, headers: {Host: b}}\n":                                 "p.yaml:4:46: models[0].predict.headers.Host cannot be set: it is that of the URL",
		"    predict: {url: \"http://a?b=c\"}\n":                                             "p.yaml:4:20: models[0].predict.url must be an http or https URL such as http://127.0.0.1:9000/predict, without user, query or fragment (give a query as query: {name: value}, and credentials as headers: {Authorization: …}), not \"http://a?…\"",
		"    stream: {url: http://a, format: csv}\n":                                         "p.yaml:4:37: models[0].stream.format must be sse, ndjson or text, not \"csv\"",
		"    stream: {url: http://a, format: text, end: x}\n":                                "p.yaml:4:48: models[0].stream.end is for format: sse; a stream of format: text ends with its response",
		"    stream: {url: http://a, end: error}\n":                                          "p.yaml:4:34: models[0].stream.end must be another name: an event error is the failure of a stream, not \"error\"",
		predict + "    health: {interval: 1s}\n":                                             "p.yaml:5:13: models[0].health.url is missing",
		predict + "    forward_headers: [Cookie2, Host]\n":                                   "p.yaml:5:32: models[0].forward_headers[1] has Host, which cannot be passed on: it is that of the URL",
	} {
		_, err := loadHTTP(keys)
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%s:\n got %s\nwant %s", keys, got, want)
		}
	}
}

// A model that streams is a generator, whatever else it does.
func TestAStreamMustNotHavePostprocess(t *testing.T) {
	for keys, refused := range map[string]bool{
		"    predict: {url: http://a}\n": false, "    stream: {url: http://a}\n": true, "    predict: {url: http://a}\n    stream: {url: http://a}\n": true,
	} {
		_, err := loadHTTP(keys + "    postprocess: {url: http://a}\n")
		if errors.Is(err, engine.ErrGeneratorPostprocess) != refused || (err != nil) != refused ||
			refused && !strings.HasSuffix(err.Error(), ": "+engine.ErrGeneratorPostprocess.Error()) {
			t.Errorf("%s: %v", keys, err)
		}
	}
}
