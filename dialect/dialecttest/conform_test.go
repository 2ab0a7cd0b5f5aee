package dialecttest_test

import (
	"testing"

	"penstock/dialect"
	"penstock/dialect/dialecttest"
)

func TestCodecsConform(t *testing.T) {
	for _, c := range []struct {
		codec dialect.Codec
		body  string
	}{
		{dialect.NewChat(), `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`},
		{dialect.NewCompletions(), `{"model":"m","stream":true,"stream_options":{"include_usage":true},"prompt":"hi"}`},
		{dialect.NewResponses(), `{"model":"m","stream":true,"input":"hi"}`},
		{dialect.NewNative(), `{"prompt":"hi"}`},
		{dialecttest.Toy(), "model m\nstream\nmessage hi\n"},
	} {
		t.Run(string(c.codec.Name()), func(t *testing.T) { dialecttest.Conform(t, c.codec, []byte(c.body)) })
	}
}

func TestToy(t *testing.T) {
	codec := dialecttest.Toy()
	r, err := codec.Decode(dialect.Input{Body: []byte("model m\nmessage hello\nmessage again\nstream\n")})
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Parameters()
	if err != nil || r.Model != "m" || !r.Stream || len(p.Messages) != 2 || p.Messages[1].Content.String() != "again" {
		t.Errorf("the request is %+v with %+v, %v", r, p, err)
	}
	g := codec.Whole(r)
	if err := g.Add(dialect.Delta{}, dialect.Delta{Text: "a\n"}, dialect.Delta{Text: "b"}); err != nil {
		t.Fatal(err)
	}
	whole, err := g.Whole(dialect.End{Reason: "stop"})
	if want := "say \"a\\n\"\nsay \"b\"\nend \"stop\"\n"; err != nil || string(whole) != want {
		t.Errorf("the response is %q, %v", whole, err)
	}
	if _, err := codec.Decode(dialect.Input{Body: []byte("x")}); err == nil || codec.Error(err, "").Status != 400 {
		t.Errorf("an unknown line gives %v", err)
	}
}
