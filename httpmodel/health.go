package httpmodel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"penstock/outbound"
)

// watch checks the health of the model's server, and reports it, until ctx ends.
func (h *Health) watch(ctx context.Context, out *outbound.Server, report func(error)) {
	defer out.CloseIdleConnections()
	ticker := time.NewTicker(h.Interval)
	defer ticker.Stop()
	for {
		err := h.check(ctx, out)
		if ctx.Err() != nil {
			return
		}
		report(err)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// check returns nil if the server reports that the model can be used.
func (h *Health) check(ctx context.Context, out *outbound.Server) error {
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, http.NoBody)
	if err != nil {
		return fmt.Errorf("make a health check: %w", err)
	}
	r.Header.Set("User-Agent", "penstock")
	out.Apply(r)
	response, err := out.RoundTrip(r)
	if ctx.Err() != nil {
		return fmt.Errorf("the health check had no response within %s", h.Timeout)
	}
	if err != nil {
		return fmt.Errorf("the health check failed: %w", out.Secrets().Error(err))
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxRejection)) // the status counts
	if response.StatusCode >= 200 && response.StatusCode <= 299 {
		return nil
	}
	text := fmt.Sprintf("the health check got status %d", response.StatusCode)
	if message := messageOf(body); message != "" {
		text += ": " + message
	}
	return errors.New(out.Secrets().Text(text))
}
