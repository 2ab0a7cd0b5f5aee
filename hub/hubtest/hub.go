package hubtest

import (
	"crypto/sha1" // #nosec G505 -- git's checksum
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Hub has one repository with one branch, main. Its exported fields are set before the first
// request.
type Hub struct {
	ID       string
	OldID    string         // a former name of the repository; requests for it are redirected
	PageSize int            // files in a page of the tree; 0: all
	Store    string         // base URL of large files, such as http://store.test; "": the hub itself
	Token    string         // required token; "": the repository is public
	Gated    bool           // the licence has not been accepted
	List     func(e *Entry) // changes entries of the tree; nil: no change
	Others   []*Hub         // hubs with further repositories

	mu       sync.Mutex
	files    map[string][]byte
	listed   map[string][]byte // content of the commit; differs from files after Swap
	faults   map[string][]Fault
	requests []Request
}

// An Entry is an element of the tree.
type Entry struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	OID  string `json:"oid"`
	LFS  *LFS   `json:"lfs,omitempty"`
}

// LFS describes a large file in the tree.
type LFS struct {
	OID         string `json:"oid"`
	Size        int64  `json:"size"`
	PointerSize int64  `json:"pointerSize"`
}

// A Request is a recorded request.
type Request struct {
	Host, Path, Authorization, Range, IfRange, AcceptEncoding string
}

// New returns a hub whose repository has files.
func New(id string, files map[string]string) *Hub {
	h := &Hub{ID: id, files: map[string][]byte{}, faults: map[string][]Fault{}}
	for name, content := range files {
		h.files[name] = []byte(content)
	}
	h.listed = maps.Clone(h.files)
	return h
}

// Commit adds a file to the repository, which makes main another commit.
func (h *Hub) Commit(name, content string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[name], h.listed[name] = []byte(content), []byte(content)
}

// Swap changes what is sent for a file without changing the commit.
func (h *Hub) Swap(name, content string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[name] = []byte(content)
}

// Revision returns the commit of main.
func (h *Hub) Revision() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.revision()
}

func (h *Hub) revision() string {
	sum := sha1.New() // #nosec G401 -- an id
	for _, name := range slices.Sorted(maps.Keys(h.listed)) {
		fmt.Fprintf(sum, "%s\x00%x\n", name, sha256.Sum256(h.listed[name]))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Requests returns the requests since the last call, in order.
func (h *Hub) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	requests := h.requests
	h.requests = nil
	return requests
}

// Large reports whether a file of that name is in large file storage.
func Large(name string) bool {
	return slices.Contains([]string{".onnx", ".gguf", ".onnx_data", ".bin"}, path.Ext(name))
}

// ServeHTTP implements http.Handler.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.requests = append(h.requests, Request{
		r.Host, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("Range"), r.Header.Get("If-Range"), r.Header.Get("Accept-Encoding"),
	})
	h.mu.Unlock()
	h.handle(r.URL.Path, w, r, h.route)
}

func (h *Hub) route(w http.ResponseWriter, r *http.Request) {
	escaped := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if name, ok := strings.CutPrefix(escaped, "store/"); ok {
		h.store(w, r, unescaped(name))
		return
	}
	rest, api := strings.CutPrefix(escaped, "api/models/")
	if h.OldID != "" && strings.HasPrefix(rest, h.OldID+"/") {
		to := "/" + strings.Replace(escaped, h.OldID, h.ID, 1)
		http.Redirect(w, r, to+"?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
		return
	}
	call, own := strings.CutPrefix(rest, h.ID+"/")
	if !own {
		for _, other := range h.Others {
			if strings.HasPrefix(rest, other.ID+"/") {
				other.ServeHTTP(w, r)
				return
			}
		}
		refuse(w, http.StatusUnauthorized, "RepoNotFound") // as the real hub does
		return
	}
	switch authorization := r.Header.Get("Authorization"); {
	case h.Token != "" && authorization == "":
		refuse(w, http.StatusUnauthorized, "RepoNotFound")
		return
	case h.Token != "" && authorization != "Bearer "+h.Token:
		refuse(w, http.StatusUnauthorized, "")
		return
	case h.Gated:
		refuse(w, http.StatusForbidden, "GatedRepo")
		return
	}
	what, rest, _ := strings.Cut(call, "/")
	switch {
	case api && what == "revision":
		h.handle("revision", w, r, func(w http.ResponseWriter, r *http.Request) { h.model(w, unescaped(rest)) })
	case api && what == "tree":
		h.handle("tree", w, r, func(w http.ResponseWriter, r *http.Request) { h.tree(w, r, rest) })
	case !api && what == "resolve":
		revision, name, _ := strings.Cut(rest, "/")
		h.resolve(w, r, revision, unescaped(name))
	default:
		refuse(w, http.StatusNotFound, "")
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	if code != "" {
		w.Header().Set("X-Error-Code", code)
	}
	http.Error(w, `{"error":"refused"}`, status)
}

func unescaped(s string) string {
	s, err := url.PathUnescape(s)
	if err != nil {
		return "\x00"
	}
	return s
}

func (h *Hub) model(w http.ResponseWriter, revision string) {
	now := h.Revision()
	if revision != "main" && revision != now && revision != "refs/pr/1" {
		refuse(w, http.StatusNotFound, "RevisionNotFound")
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"id": h.ID, "sha": now, "siblings": []any{}})
}

func (h *Hub) tree(w http.ResponseWriter, r *http.Request, revision string) {
	h.mu.Lock()
	var all []Entry
	folders := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(h.listed)) {
		if above := path.Dir(name); above != "." && !folders[above] {
			folders[above] = true
			all = append(all, Entry{Type: "directory", Path: above, OID: strings.Repeat("0", 40)})
		}
		e := entry(name, h.listed[name])
		if h.List != nil {
			h.List(&e)
		}
		all = append(all, e)
	}
	now := h.revision()
	h.mu.Unlock()
	if revision != now {
		refuse(w, http.StatusNotFound, "RevisionNotFound")
		return
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	page := all[min(from, len(all)):]
	if h.PageSize > 0 && len(page) > h.PageSize {
		page = page[:h.PageSize]
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?recursive=true&cursor=%d>; rel="next"`, r.Host, r.URL.Path, from+h.PageSize))
	}
	_ = json.NewEncoder(w).Encode(page)
}

func entry(name string, content []byte) Entry {
	e := Entry{Type: "file", Path: name, Size: int64(len(content)), OID: BlobID(content)}
	if Large(name) {
		e.LFS = &LFS{OID: fmt.Sprintf("%x", sha256.Sum256(content)), Size: e.Size, PointerSize: 134}
		e.OID = BlobID([]byte(e.LFS.OID)) // of the pointer file
	}
	return e
}

// BlobID returns git's checksum of a file's content.
func BlobID(content []byte) string {
	sum := sha1.New() // #nosec G401 -- git's
	fmt.Fprintf(sum, "blob %d\x00", len(content))
	_, _ = sum.Write(content)
	return hex.EncodeToString(sum.Sum(nil))
}

func (h *Hub) content(name string) (content []byte, revision string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	content, ok = h.files[name]
	return content, h.revision(), ok
}

func (h *Hub) resolve(w http.ResponseWriter, r *http.Request, revision, name string) {
	content, now, ok := h.content(name)
	switch {
	case revision != now:
		refuse(w, http.StatusNotFound, "RevisionNotFound")
		return
	case !ok:
		refuse(w, http.StatusNotFound, "EntryNotFound")
		return
	}
	w.Header().Set("X-Repo-Commit", now)
	if !Large(name) {
		h.handle(name, w, r, func(w http.ResponseWriter, r *http.Request) { send(w, r, BlobID(content), content) })
		return
	}
	h.mu.Lock()
	e := entry(name, h.listed[name])
	h.mu.Unlock()
	w.Header().Set("X-Linked-Size", strconv.FormatInt(e.Size, 10))
	w.Header().Set("X-Linked-ETag", strconv.Quote(e.LFS.OID))
	w.Header().Set("ETag", strconv.Quote(e.LFS.OID))
	h.handle("resolve "+name, w, r, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, h.Store+"/store/"+(&url.URL{Path: name}).EscapedPath()+"?X-Amz-Signature=secret", http.StatusFound)
	})
}

// store handles requests for large files.
func (h *Hub) store(w http.ResponseWriter, r *http.Request, name string) {
	content, _, ok := h.content(name)
	if !ok || r.URL.Query().Get("X-Amz-Signature") == "" {
		http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
		return
	}
	h.handle(name, w, r, func(w http.ResponseWriter, r *http.Request) {
		send(w, r, fmt.Sprintf("%x-1", sha256.Sum224(content)), content) // the store has its own ETags
	})
}

// send sends content, with support for ranges and If-Range.
func send(w http.ResponseWriter, r *http.Request, etag string, content []byte) {
	w.Header().Set("ETag", strconv.Quote(etag))
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(content)))
}
