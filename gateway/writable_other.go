//go:build !unix

package gateway

import (
	"context"
	"net"
	"net/http"
)

// writability tells whether a write to a connection would wait for its reader. It does not know here.
type writability struct{}

func withConn(ctx context.Context, _ net.Conn) context.Context { return ctx }

func writabilityOf(*http.Request) writability { return writability{} }

func (*writability) ready(int) bool { return false }

func (*writability) wrote(int) {}
