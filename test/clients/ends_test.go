//go:build e2e

package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	test "penstock/llm/upstream/upstreamtest"
	"penstock/test/server"
)

// Node.js discards what has not been read of a body once its connection breaks. A program that
// reads slowly gets all words and the error, and then its read fails.
func TestASlowFetchOfNodeReadsAllBeforeAStreamBreaks(t *testing.T) {
	f := start(t)
	program := javascript("slow.mjs")(t)
	program.Env = append(os.Environ(), "OPENAI_BASE_URL="+f.penstock.URL+"/v1")
	out, err := program.Output()
	var got struct{ Text, Error string }
	if err == nil {
		err = json.Unmarshal(out, &got)
	}
	if err != nil || strings.Count(got.Text, `"content":`) != 6 || !strings.Contains(got.Text, `"code":"upstream_cut"`) || got.Error != "TypeError: terminated" {
		t.Errorf("%v: it has read %+v", err, got)
	}
}

// nginx uses HTTP/1.0 towards its upstreams by default, in which the close of a connection is the
// end of a body. What is cut before it, on purpose or because penstock is killed, must not look
// complete behind it.
func TestBehindNginxWithItsDefaultsACutIsACut(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatalf("install nginx: %v", err)
	}
	u := startUpstream(t)
	p := server.Start(t, server.Options{Config: fmt.Sprintf(`
models:
  - {name: plain, kind: openai, upstreams: [{base_url: %[1]q}]}
  - {name: cut, kind: openai, upstreams: [{base_url: %[1]q}]}
  - {name: torn, kind: openai, upstreams: [{base_url: %[1]q}]}
  - {name: endless, kind: openai, upstreams: [{base_url: %[1]q}]}
`, u.url+"/v1")})
	front := startNginx(t, nginx, strings.TrimPrefix(p.URL, "http://"))
	post := func(model string, stream bool) io.ReadCloser {
		t.Helper()
		body := fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":"Hello"}]}`, model, stream)
		response, err := http.Post(front+"/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response.Body
	}
	for _, c := range []struct {
		model    string
		stream   bool
		contains string
		whole    bool
	}{
		{"plain", true, "data: [DONE]\n\n", true},
		{"plain", false, test.Text(0, 3), true},
		{"cut", true, `"code":"upstream_cut"`, false},
		{"torn", false, test.Text(0, 3), false},
	} {
		got, err := io.ReadAll(post(c.model, c.stream))
		if !bytes.Contains(got, []byte(c.contains)) || (err == nil) != c.whole || !c.whole && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, streamed: %v: %v after %q", c.model, c.stream, err, got[:min(len(got), 2000)])
		}
	}
	killed := post("endless", true)
	if _, err := io.ReadFull(killed, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGKILL)
	p.Wait()
	if rest, err := io.ReadAll(killed); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("penstock was killed, and the client has %v after %q", err, rest)
	}
}

// startNginx runs nginx in front of an address until the test ends, and returns its URL.
func startNginx(t *testing.T, nginx, address string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := l.Addr().String()
	l.Close() // nginx listens there
	dir := t.TempDir()
	config := fmt.Sprintf(`
daemon off;
pid %[1]s/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  server { listen %[2]s; location / { proxy_pass http://%[3]s; } }
}
`, dir, front, address)
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // its workers are another user's
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	command := exec.Command(nginx, "-c", path)
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = command.Wait()
		if t.Failed() {
			t.Logf("nginx's stderr:\n%s", &stderr)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), server.Patience)
	defer cancel()
	for ticks := time.NewTicker(10 * time.Millisecond); ; {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", front)
		if err == nil {
			conn.Close()
			ticks.Stop()
			return "http://" + front
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}
