//go:build browser

package web

import (
	"os"
	"testing"

	"penstock/test/server"
)

// TestMain removes the binary that the tests have built. Chromium's goroutines may outlive them.
func TestMain(m *testing.M) {
	code := m.Run()
	server.Cleanup()
	os.Exit(code)
}
