package app

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/hub"
)

var graph = hub.File{Path: "onnx/a_graph_with_a_long_name.onnx", Size: 300 << 20}

func TestPullProgressOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &pullProgress{to: &out, bar: newBar(&out).SetWidth(columns).SetTotal(400 << 20)}
		for i := range int64(4) {
			p.At(graph, i*(100<<20))
			p.At(graph, i*(100<<20)+1) // too soon to be drawn
			time.Sleep(time.Second)    // virtual
		}
		p.Done(graph, true)
		p.end()
		drawn := strings.Split(out.String(), "\r")[1:]
		const name = " …h_with_a_long_name.onnx"
		for i, want := range []string{"]   0%  ", "]  25% 100.00 MiB/s", "]  50% 100.00 MiB/s", "]  75% 100.00 MiB/s"} {
			if line := drawn[i]; !strings.HasPrefix(line, "[") || !strings.HasSuffix(line, want+name) || len([]rune(line)) != columns {
				t.Errorf("drawn: %q, want %q and %q at its end, in %d columns", line, want, name, columns)
			} else if filled := strings.Count(line, "=") * 100 / strings.IndexByte(line, ']'); filled < i*25-3 || filled > i*25+3 {
				t.Errorf("%d%% of the bar is filled: %q", filled, line)
			}
		}
		if want := []string{"\x1b[K  here: " + graph.Path + "\n", "\x1b[K"}; strings.Join(drawn[4:], "\r") != strings.Join(want, "\r") {
			t.Errorf("afterwards: %q, want %q", drawn[4:], want)
		}
	})
}

func TestPullProgressInPlainLines(t *testing.T) {
	var out bytes.Buffer
	p := &pullProgress{to: &out}
	for i := range int64(5) {
		p.At(graph, i*(60<<20))
		p.At(graph, i*(60<<20)+1)
	}
	p.Waiting(4*time.Second, errors.New("cut off"))
	p.At(graph, 0) // fetched anew
	p.At(graph, 31<<20)
	p.Done(graph, false)
	const want = `  onnx/a_graph_with_a_long_name.onnx: 20% of 300 MiB
  onnx/a_graph_with_a_long_name.onnx: 40% of 300 MiB
  onnx/a_graph_with_a_long_name.onnx: 60% of 300 MiB
  onnx/a_graph_with_a_long_name.onnx: 80% of 300 MiB
  cut off; trying again in 4s
  onnx/a_graph_with_a_long_name.onnx: 10% of 300 MiB
  here already: onnx/a_graph_with_a_long_name.onnx
`
	if out.String() != want {
		t.Errorf("lines:\n%s\nwant:\n%s", out.String(), want)
	}
}
