package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// kind is a way to attack. run attacks once.
type kind struct {
	name string
	run  func(*attacker)
}

func kinds() []kind {
	return []kind{
		{"bodies of max_body", (*attacker).largeBody},
		{"bodies of empty values", (*attacker).emptyBody},
		{"bodies a byte a second", (*attacker).slowBody},
		{"bodies that stop", (*attacker).halfBody},
		{"heads that stop", (*attacker).halfHead},
		{"pictures that grow", (*attacker).pictureBomb},
		{"huge prompts", (*attacker).hugePrompt},
		{"large whole answers", (*attacker).wholeAnswer},
		{"kept streams, unread", (*attacker).keptStreams},
		{"streams, unread", (*attacker).neverReads},
		{"wrong Last-Event-IDs", (*attacker).reconnects},
		{"floods of headers", (*attacker).manyHeaders},
		{"wrong keys", (*attacker).wrongKeys},
		{"HTTP/2: rapid reset", (*attacker).rapidReset},
		{"HTTP/2: window 0", (*attacker).noWindow},
		{"two lengths", (*attacker).twoLengths},
		{"connections that sit", (*attacker).sit},
	}
}

// exchange sends a request on a connection of its own and reads the response, which may come
// before the request has been sent.
func (a *attacker) exchange(head string, body []byte) (status int) {
	conn, end := a.connect()
	if conn == nil {
		return 0
	}
	defer end()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if _, err := io.WriteString(conn, head); err == nil {
			_, _ = conn.Write(body) // breaks off where it is refused
		}
	}()
	status = a.response(conn, true)
	conn.Close()
	<-sent
	return status
}

// response reads a response, and what follows its head if read is true. It returns and counts the
// status, 0 for none and for one that breaks off.
func (a *attacker) response(conn net.Conn, read bool) (status int) {
	defer func() { a.tally.add(a.kind, status) }()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if read && response.ProtoMajor == 1 {
		if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 32<<20)); err != nil && response.StatusCode < 400 {
			return 0
		}
	}
	return response.StatusCode
}

// post sends a body to a route.
func (a *attacker) post(path, mediaType string, body []byte) int {
	return a.exchange(a.head("POST", path, "Content-Type: "+mediaType, fmt.Sprint("Content-Length: ", len(body))), body)
}

func (a *attacker) largeBody() {
	switch a.r.IntN(3) {
	case 0:
		a.post(predictPath, mediaJSON, a.loads.spaces)
	case 1:
		a.post("/v1/models/"+a.llm+":predict", mediaJSON, a.loads.spaces)
	default:
		a.post(predictPath, "image/jpeg", a.loads.noise)
	}
}

func (a *attacker) emptyBody() {
	b := a.loads.empty[a.r.IntN(len(a.loads.empty))]
	a.post(b.path, b.mediaType, b.text)
}

// slowBody sends a byte a second until it is refused.
func (a *attacker) slowBody() {
	conn, end := a.connect()
	if conn == nil {
		return
	}
	defer end()
	_, _ = io.WriteString(conn, a.head("POST", predictPath, "Content-Type: "+mediaJSON, "Content-Length: 1000")+"{")
	refused := make(chan struct{})
	go func() {
		defer close(refused)
		a.response(conn, true)
	}()
	for {
		select {
		case <-refused:
			return
		default:
		}
		a.hold(time.Second)
		if _, err := io.WriteString(conn, " "); err != nil || a.once {
			conn.Close()
			<-refused
			return
		}
	}
}

// halfBody sends half of a large body, and then nothing.
func (a *attacker) halfBody() {
	head := a.head("POST", predictPath, "Content-Type: "+mediaJSON, fmt.Sprint("Content-Length: ", a.loads.size))
	a.stuck(head, a.loads.spaces[:a.loads.size/2])
}

func (a *attacker) halfHead() {
	a.stuck("POST "+predictPath+" HTTP/1.1\r\nHost: localhost\r\nX-Slow: "+strings.Repeat("x", a.r.IntN(8000)), nil)
}

func (a *attacker) sit() { a.stuck("", nil) }

// stuck sends a part of a request and then nothing until the server closes the connection, at most
// for half of the attacker's patience.
func (a *attacker) stuck(head string, body []byte) {
	conn, end := a.connect()
	if conn == nil {
		return
	}
	defer end()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if _, err := io.WriteString(conn, head); err == nil {
			_, _ = conn.Write(body) // breaks off where it is refused
		}
	}()
	if a.once {
		a.hold(0)
		conn.Close()
	} else {
		_ = conn.SetDeadline(time.Now().Add(patience / 2)) // as in connect
	}
	a.response(conn, true)
	conn.Close()
	<-closed
}

func (a *attacker) pictureBomb() {
	b := a.loads.bombs[a.r.IntN(len(a.loads.bombs))]
	a.post(b.path, b.mediaType, b.text)
}

func (a *attacker) hugePrompt() {
	a.post("/v1/models/"+a.llm+":predict", mediaJSON, a.loads.prompt)
}

// wholeAnswer lets the server gather an answer that is large, or passes it on without reading it.
func (a *attacker) wholeAnswer() {
	if a.r.IntN(2) == 0 {
		a.post("/v1/models/gpt:predict", mediaJSON, []byte(`{"prompt":"Hello"}`))
		return
	}
	const chat = `{"model":"gpt","messages":[{"role":"user","content":"Hello"}]}`
	a.unread(a.head("POST", "/v1/chat/completions", "Content-Type: "+mediaJSON, fmt.Sprint("Content-Length: ", len(chat))) + chat)
}

// unread sends a request and reads nothing but the response's head.
func (a *attacker) unread(text string) {
	conn, end := a.connect()
	if conn == nil {
		return
	}
	defer end()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10) // else it takes more than the test does
	}
	_, _ = io.WriteString(conn, text)
	if a.response(conn, false) < 400 {
		a.hold(15 * time.Second)
	}
}

func (a *attacker) neverReads() {
	a.unread(a.head("GET", "/v1/models/"+a.llm+"/stream?max_tokens=4000&prompt=Hello"))
}

// keptStreams starts streams that are kept for readers, of which there are none.
func (a *attacker) keptStreams() {
	for range 8 {
		a.post("/v1/streams", mediaJSON, []byte(`{"model":"`+a.llm+`","input":{"prompt":"Hello","max_tokens":200}}`))
	}
}

// reconnects asks for streams from events that there never were.
func (a *attacker) reconnects() {
	id := fmt.Sprintf("%032x", a.r.Uint64())
	for _, last := range []string{id + "-1", id + "-99999999999999999999", "-1", strings.Repeat("9", 4000), id, `"'<script>`} {
		a.exchange(a.head("GET", "/v1/models/"+a.llm+"/stream?prompt=Hello", "Accept: text/event-stream", "Last-Event-ID: "+last), nil)
		a.exchange(a.head("GET", "/v1/streams/"+id, "Last-Event-ID: "+last), nil)
	}
}

func (a *attacker) manyHeaders() {
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "X-Header-%d: %s\r\n", i, strings.Repeat("x", 1000))
	}
	a.exchange(a.head("GET", "/healthz", strings.TrimSuffix(b.String(), "\r\n")), nil)
}

func (a *attacker) wrongKeys() {
	right := a.key
	defer func() { a.key = right }()
	for range 20 {
		a.key = fmt.Sprintf("psk_%043x", a.r.Uint64())
		a.post(predictPath, mediaJSON, []byte(pixel))
	}
}

// twoLengths sends a request whose body ends in one place for some servers, in another for others.
func (a *attacker) twoLengths() {
	a.exchange(a.head("POST", predictPath, "Content-Length: 4", "Transfer-Encoding: chunked"),
		[]byte("0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}
