package gateway_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// Heads that declare a type without a length, as those of responses without a body may be, and
// bodies that are compressed without having been requested so, are no bodies that could be cut.
func TestAPassedResponseHasTheFramingOfItsUpstream(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	sound := strings.Repeat("sound", 10_000)
	if _, err := z.Write([]byte(sound)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		method, media, coding string
		status, length        int
		body                  []byte
		want                  string
	}{
		"HEAD without a length":      {method: "HEAD", media: "application/json", status: 200},
		"HEAD of a sound":            {method: "HEAD", media: "audio/mpeg", status: 200},
		"HEAD of compressed JSON":    {method: "HEAD", media: "application/json", coding: "gzip", status: 200, length: 99},
		"a compressed sound":         {method: "POST", media: "audio/mpeg", coding: "gzip", status: 200, length: packed.Len(), body: packed.Bytes(), want: sound},
		"a compressed 204":           {method: "DELETE", media: "application/json", coding: "gzip", status: 204},
		"an unlabeled response":      {method: "GET", status: 200, body: []byte("x"), want: "x"},
		"304 with a type":            {method: "GET", media: "application/json", status: 304},
		"a compressed sound, chunks": {method: "POST", media: "audio/mpeg", coding: "gzip", status: 200, body: packed.Bytes(), want: sound},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPassing(t, nil, func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range map[string]string{"Content-Type": test.media, "Content-Encoding": test.coding} {
					if value != "" {
						w.Header().Set(key, value)
					}
				}
				if test.length > 0 {
					w.Header().Set("Content-Length", strconv.Itoa(test.length))
				}
				w.WriteHeader(test.status)
				_, _ = w.Write(test.body)
			})
			got := p.do(t, test.method, "/v1/audio/speech?model=voice", "", "")
			if got.status != test.status || got.body != test.want || got.err != nil || got.header.Get("Content-Encoding") != "" {
				t.Errorf("%d %.80q %v %v", got.status, got.body, got.header, got.err)
			}
		})
	}
	p := newPassing(t, nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "audio/mpeg")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes()[:packed.Len()/2])
	})
	if got := p.do(t, "POST", "/v1/audio/speech?model=voice", "", ""); got.status == 200 && got.err == nil {
		t.Errorf("a compressed sound that is cut: %d, %d bytes, looks whole", got.status, len(got.body))
	}
}
