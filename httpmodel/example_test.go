package httpmodel_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"penstock/engine"
	"penstock/httpmodel"
)

// A server that converts text to upper case, as a model.
func Example() {
	upper := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, strings.ToUpper(string(text)))
	}))
	defer upper.Close()

	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 5}})
	model, err := httpmodel.Add(e, httpmodel.Config{
		Name: "upper",
		Predict: &httpmodel.Endpoint{
			Servers: []httpmodel.Server{{Name: "local", URL: upper.URL}}, Method: http.MethodPost, Timeout: time.Minute,
		},
		Timeouts:  httpmodel.Timeouts{Connect: 5 * time.Second, FirstToken: time.Minute, BetweenTokens: time.Minute},
		MaxAnswer: 1 << 20, MaxEvent: 1 << 20,
		Gate: &engine.GateConfig{Permits: 64},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Close()
	<-e.Load(context.Background())

	verb, _ := model.Verb("predict")
	call, err := verb.Admit(engine.Caller{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer call.Close()
	out, err := call.Predict(context.Background(), engine.Input{MediaType: "text/plain", Body: []byte("hello")})
	fmt.Println(out.MediaType, string(out.Body), err)
	// Output: text/plain; charset=utf-8 HELLO <nil>
}
