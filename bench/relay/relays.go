package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"penstock/bench/internal/relays"
)

// The relays, in the table's order.
const (
	direct   = "no relay"
	bare     = "bare net/http"
	nginx    = "nginx"
	penstock = "Penstock"
)

// compared returns the installed relays.
func compared(s settings) ([]relays.Relay, error) {
	var list []relays.Relay
	if s.others {
		list = append(list, relays.Relay{Name: direct}, relays.Relay{Name: bare, Command: bareCommand})
		if _, err := exec.LookPath("nginx"); err == nil {
			list = append(list, relays.Relay{Name: nginx, Command: nginxCommand})
		} else {
			fmt.Fprintln(os.Stderr, "nginx is left out: it is not installed (Debian: apt-get install nginx)")
		}
	}
	for _, build := range s.builds {
		command, err := relays.Penstock(build.path, penstockConfig)
		if err != nil {
			return nil, err
		}
		list = append(list, relays.Relay{Name: build.name, Command: command, Ours: true})
	}
	return list, nil
}

func bareCommand(ctx context.Context, dir string, port, upstream int) (*exec.Cmd, error) {
	return exec.CommandContext(ctx, filepath.Join(dir, "barerelay"), "-port", strconv.Itoa(port), "-upstream", "http://127.0.0.1:"+strconv.Itoa(upstream)), nil
}

const nginxConfig = `
daemon off;
worker_processes auto;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 16384; }
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	upstream mock { server 127.0.0.1:UPSTREAM; keepalive 64; }
	server {
		listen 127.0.0.1:PORT backlog=4096;
		location / {
			proxy_pass http://mock;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
		}
	}
}
`

func nginxCommand(ctx context.Context, dir string, port, upstream int) (*exec.Cmd, error) {
	path, err := relays.WriteConfig(dir, "nginx.conf", nginxConfig, port, upstream)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, "nginx", "-p", dir, "-c", path, "-e", "stderr"), nil
}

const penstockConfig = `
server:
  address: 127.0.0.1:PORT
models:
  - name: mock
    kind: openai
    concurrency: 4096
    upstreams:
      - {base_url: "http://127.0.0.1:UPSTREAM/v1", api_key: "sk-bench"}
`
