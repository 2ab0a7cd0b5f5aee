package main

import (
	"testing"
	"time"
)

// A short run keeps the command working.
func TestSoak(t *testing.T) {
	line, err := soak(t.Context(), 3*time.Second, 16, 8, 1)
	if err != nil {
		t.Error(err)
	}
	t.Log(line)
}
