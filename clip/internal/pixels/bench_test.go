package pixels

import (
	"testing"

	"penstock/clip/internal/limit"
)

func BenchmarkProcess(b *testing.B) {
	for _, name := range []string{"cat_chelsea.jpg", "cat_chelsea.png", "cat_chelsea.webp", "cat_chelsea.gif"} {
		data := readFile(b, "../../testdata/photos/"+name)
		p := newProcessor(b, clip224, Options{})
		rgb := make([]byte, 3*224*224)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Process(b.Context(), new(limit.Holder), data, rgb); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
