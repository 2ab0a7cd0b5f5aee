// Command barerelay is the least that net/http can do as a relay: read, write, flush. It knows nothing of what it
// carries, and is the floor that Penstock's relay is measured against.
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
	port := flag.Int("port", 9101, "where on 127.0.0.1 to listen")
	upstream := flag.String("upstream", "http://127.0.0.1:9100", "where to send requests")
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
		buf := make([]byte, 4<<10) // what the transport's own buffer holds: one read brings no more
		for flush := http.NewResponseController(w).Flush; ; {
			n, end := response.Body.Read(buf)
			if _, err := w.Write(buf[:n]); err != nil || flush() != nil || end != nil {
				return // the client sees a cut upstream as a whole answer: that is why Penstock reads what it carries
			}
		}
	})
	time.AfterFunc(time.Hour, func() { _ = server.Close() }) // nothing of a benchmark is left running
	fmt.Fprintln(os.Stderr, "barerelay:", server.ListenAndServe())
	os.Exit(1)
}
