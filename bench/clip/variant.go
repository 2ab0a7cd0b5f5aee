package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// A variant is Penstock with some settings; what is 0 is as the benchmark's own: one run at a time
// for each core, in one thread.
type variant struct {
	name                    string
	dtype                   string
	threads, permits, batch int
}

func parseVariant(text string) (v variant, err error) {
	v.name = text
	for pair := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(pair, "=")
		number := map[string]*int{"threads": &v.threads, "permits": &v.permits, "batch": &v.batch}[key]
		switch {
		case key == "dtype":
			v.dtype = value
		case number == nil:
			err = fmt.Errorf("there is no setting %q", key)
		default:
			_, err = fmt.Sscan(value, number)
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

// configuration is Penstock's: the default one, except for these settings.
func (v variant) configuration(model string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "runtime: {predict_concurrency: %d, onnxruntime: {threads: %d}}\n", cmp.Or(v.permits, runtime.GOMAXPROCS(0)), cmp.Or(v.threads, 1))
	fmt.Fprintf(&b, "models:\n  - {name: clip, kind: clip, path: %q, labels: [\"a photo of a cat\", \"a photo of a dog\"]", model)
	if v.dtype != "" {
		fmt.Fprintf(&b, ", dtype: %s", v.dtype)
	}
	if v.batch > 0 {
		fmt.Fprintf(&b, ", batch: {max: %d}", v.batch)
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// vectorsOf returns the vectors that a server gives the photos in clip/testdata.
func vectorsOf(ctx context.Context, server process) (all [][]float64, err error) {
	files, err := filepath.Glob("clip/testdata/photos/*.jpg")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		body := fmt.Appendf(nil, `{"model": "clip", "input": "data:image/jpeg;base64,%s"}`, base64.StdEncoding.EncodeToString(data))
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+server.address+"/v1/embeddings", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		var embeddings struct {
			Data []struct {
				Embedding []float64 `json:"embedding"`
			} `json:"data"`
		}
		err = json.NewDecoder(response.Body).Decode(&embeddings)
		response.Body.Close()
		if err != nil || len(embeddings.Data) != 1 {
			return nil, fmt.Errorf("embed %s: %s, %d vectors: %w", file, response.Status, len(embeddings.Data), err)
		}
		all = append(all, embeddings.Data[0].Embedding)
	}
	return all, nil
}

// cosine returns the lowest cosine of two subjects' vectors of one photo; 0 where there are none.
// The mean of all photos' vectors is subtracted first: a model with random weights sees nearly the
// same in all pictures, and the cosine should be of what differs.
func cosine(want, got [][]float64) float64 {
	if len(got) == 0 {
		return 0
	}
	lowest := 1.0
	mean := make([]float64, len(want[0]))
	for _, v := range want {
		for i, x := range v {
			mean[i] += x / float64(len(want))
		}
	}
	for i := range want {
		var product, a, b float64
		for j := range mean {
			x, y := want[i][j]-mean[j], got[i][j]-mean[j]
			product, a, b = product+x*y, a+x*x, b+y*y
		}
		lowest = min(lowest, product/math.Sqrt(a*b))
	}
	return lowest
}
