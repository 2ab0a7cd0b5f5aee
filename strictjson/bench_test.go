package strictjson

import (
	"strings"
	"testing"
)

func BenchmarkCount(b *testing.B) {
	data := []byte(`{"messages": [` + strings.Repeat(`{"role": "user", "content": "`+strings.Repeat("a word ", 20)+`"},`, 5000) + `{}]}`)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := Count(data, false); err != nil {
			b.Fatal(err)
		}
	}
}
