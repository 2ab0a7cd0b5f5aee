package hubtest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
)

// A Fault answers a request in place of the hub; honest is what it would have done.
type Fault func(w http.ResponseWriter, r *http.Request, honest http.HandlerFunc)

// On makes the next requests for something go wrong, one after another; after that the hub is honest again. What goes
// wrong is named by a file's path (its bytes, wherever they come from), "resolve " and the path (the hub's own answer for
// a large file), "revision", "tree", or any URL's path with its slash in front.
func (h *Hub) On(what string, faults ...Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults[what] = append(h.faults[what], faults...)
}

func (h *Hub) misbehave(what string, w http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
	h.mu.Lock()
	var next Fault
	if left := h.faults[what]; len(left) > 0 {
		next, h.faults[what] = left[0], left[1:]
	}
	h.mu.Unlock()
	if next == nil {
		honest(w, r)
		return
	}
	next(w, r, honest)
}

// Honest lets one request through.
func Honest(w http.ResponseWriter, r *http.Request, honest http.HandlerFunc) { honest(w, r) }

// Cut breaks the connection off after n bytes of the body.
func Cut(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		half(w, r, honest, n)
		panic(http.ErrAbortHandler)
	}
}

// Stall sends n bytes of the body and then nothing, until the client leaves. Then is called in between, if it isn't nil.
func Stall(n int, then func()) Fault {
	return func(w http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		half(w, r, honest, n)
		if then != nil {
			then()
		}
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// Short ends the body cleanly after n bytes, with no length announced.
func Short(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		answer := record(r, honest)
		copyHeader(w, answer)
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Next(n))
		_ = http.NewResponseController(w).Flush()
	}
}

// Status answers with a status, and headers in pairs.
func Status(status int, headers ...string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		http.Error(w, http.StatusText(status), status)
	}
}

// Header changes headers of an honest answer, in pairs; an empty value takes one away.
func Header(headers ...string) Fault {
	return func(w http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		answer := record(r, honest)
		copyHeader(w, answer)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
			if headers[i+1] == "" {
				w.Header().Del(headers[i])
			}
		}
		w.WriteHeader(answer.Code)
		_, _ = answer.Body.WriteTo(w)
	}
}

// Body answers with 200 and these bytes.
func Body(content string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write([]byte(content))
	}
}

// Damage changes a byte of the body.
func Damage(at int) Fault {
	return func(w http.ResponseWriter, r *http.Request, honest http.HandlerFunc) {
		answer := record(r, honest)
		copyHeader(w, answer)
		w.WriteHeader(answer.Code)
		body := bytes.Clone(answer.Body.Bytes())
		body[at] ^= 1
		_, _ = w.Write(body)
	}
}

// To sends on to another address.
func To(address string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		http.Redirect(w, r, address, http.StatusFound)
	}
}

// half sends an honest answer's head and the first n bytes of its body.
func half(w http.ResponseWriter, r *http.Request, honest http.HandlerFunc, n int) {
	answer := record(r, honest)
	copyHeader(w, answer)
	w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Next(n))
	_ = http.NewResponseController(w).Flush()
}

func record(r *http.Request, honest http.HandlerFunc) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	honest(answer, r)
	return answer
}

func copyHeader(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
}
