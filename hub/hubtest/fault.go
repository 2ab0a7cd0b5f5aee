package hubtest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
)

// A Fault handles a request instead of the hub; normal is the handler for requests without one.
type Fault func(w http.ResponseWriter, r *http.Request, normal http.HandlerFunc)

// On gives each of the next requests for something one of the faults, in order; later requests are
// handled without a fault. What is requested is named by a file's path (its bytes, wherever they
// come from), by "resolve " and the path (the hub's own response for a large file), by "revision"
// or "tree", or by the path of a URL with its leading slash.
func (h *Hub) On(what string, faults ...Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults[what] = append(h.faults[what], faults...)
}

// handle applies the next fault for what, if there is one.
func (h *Hub) handle(what string, w http.ResponseWriter, r *http.Request, normal http.HandlerFunc) {
	h.mu.Lock()
	var next Fault
	if left := h.faults[what]; len(left) > 0 {
		next, h.faults[what] = left[0], left[1:]
	}
	h.mu.Unlock()
	if next == nil {
		normal(w, r)
		return
	}
	next(w, r, normal)
}

// Cut closes the connection after n bytes of the body.
func Cut(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, normal http.HandlerFunc) {
		sendPart(w, r, normal, n)
		panic(http.ErrAbortHandler)
	}
}

// Stall sends n bytes of the body, calls then unless it is nil, and sends nothing more until the
// client disconnects.
func Stall(n int, then func()) Fault {
	return func(w http.ResponseWriter, r *http.Request, normal http.HandlerFunc) {
		sendPart(w, r, normal, n)
		if then != nil {
			then()
		}
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// Short ends the body cleanly after n bytes, without a Content-Length.
func Short(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, normal http.HandlerFunc) {
		recorded := record(r, normal)
		copyHeader(w, recorded)
		w.Header().Del("Content-Length")
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(recorded.Body.Next(n))
		_ = http.NewResponseController(w).Flush()
	}
}

// Status responds with a status, and headers given in pairs.
func Status(status int, headers ...string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		http.Error(w, http.StatusText(status), status)
	}
}

// Header changes headers, given in pairs, of the response without a fault. An empty value removes
// one.
func Header(headers ...string) Fault {
	return func(w http.ResponseWriter, r *http.Request, normal http.HandlerFunc) {
		recorded := record(r, normal)
		copyHeader(w, recorded)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
			if headers[i+1] == "" {
				w.Header().Del(headers[i])
			}
		}
		w.WriteHeader(recorded.Code)
		_, _ = recorded.Body.WriteTo(w)
	}
}

// Body responds with status 200 and content.
func Body(content string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write([]byte(content))
	}
}

// Damage changes the byte of the body at an offset.
func Damage(at int) Fault {
	return func(w http.ResponseWriter, r *http.Request, normal http.HandlerFunc) {
		recorded := record(r, normal)
		copyHeader(w, recorded)
		w.WriteHeader(recorded.Code)
		body := bytes.Clone(recorded.Body.Bytes())
		body[at] ^= 1
		_, _ = w.Write(body)
	}
}

// To redirects to a URL.
func To(url string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		http.Redirect(w, r, url, http.StatusFound)
	}
}

// sendPart sends the header and the first n bytes of the body of the response without a fault.
func sendPart(w http.ResponseWriter, r *http.Request, normal http.HandlerFunc, n int) {
	recorded := record(r, normal)
	copyHeader(w, recorded)
	w.Header().Set("Content-Length", strconv.Itoa(recorded.Body.Len()))
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(recorded.Body.Next(n))
	_ = http.NewResponseController(w).Flush()
}

func record(r *http.Request, normal http.HandlerFunc) *httptest.ResponseRecorder {
	recorded := httptest.NewRecorder()
	normal(recorded, r)
	return recorded
}

func copyHeader(w http.ResponseWriter, recorded *httptest.ResponseRecorder) {
	for name, values := range recorded.Header() {
		w.Header()[name] = values
	}
}
