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
		{dialecttest.Toy(), "model m\nstream\nask hi\n"},
	} {
		t.Run(string(c.codec.Name()), func(t *testing.T) { dialecttest.Conform(t, c.codec, []byte(c.body)) })
	}
}
