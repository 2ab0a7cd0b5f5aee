// Command barerelay is the least that a relay on net/http does: read, write, flush. It does not
// interpret what it forwards, and is the baseline for Penstock's relay.
//
//	barerelay -port 9101 -upstream http://127.0.0.1:9100
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	port := flag.Int("port", 9101, "port on 127.0.0.1")
	upstream := flag.String("upstream", "http://127.0.0.1:9100", "URL of the upstream")
	flag.Parse()
	transport := &http.Transport{MaxIdleConnsPerHost: 4096, DisableCompression: true}
	server := &http.Server{Addr: "127.0.0.1:" + strconv.Itoa(*port), ReadHeaderTimeout: 10 * time.Second}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		request, err := http.NewRequestWithContext(r.Context(), r.Method, *upstream+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		request.Header = r.Header
		response, err := transport.RoundTrip(request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
		w.WriteHeader(response.StatusCode)
		buf := make([]byte, 4<<10) // as large as the transport's own buffer: one read returns no more
		for flush := http.NewResponseController(w).Flush; ; {
			n, end := response.Body.Read(buf)
			if _, err := w.Write(buf[:n]); err != nil || flush() != nil || end != nil {
				return // to the client, a response that was cut looks complete: that is why Penstock interprets responses
			}
		}
	})
	time.AfterFunc(time.Hour, func() { _ = server.Close() }) // it must not outlive the benchmark for long
	fmt.Fprintln(os.Stderr, "barerelay:", server.ListenAndServe())
	os.Exit(1)
}
