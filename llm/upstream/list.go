package upstream

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"penstock/outbound"
)

const (
	listTimeout = 5 * time.Second  // for a server's list, and for the wait for it
	listFresh   = 5 * time.Minute  // how long a list is used
	listAgain   = 30 * time.Second // after a failure
	maxList     = 8 << 20          // bytes of a list
	maxListed   = 10_000           // models of it
)

// listing is what is known of a server's models.
type listing struct {
	names  []string  // as they are here, in the server's order; kept when a later request fails
	until  time.Time // then the list is requested again
	failed bool      // the last request has failed, and that has been logged
}

// list returns the names that the servers list models by which the model's pattern matches. It
// requests lists that are not fresh, unless another call is doing that: then it waits only if there
// are no older ones. A server that fails keeps its old list, or has none.
func (m *model) list(ctx context.Context) ([]string, error) {
	names, stale := m.known()
	if len(stale) == 0 {
		return names, nil
	}
	select {
	case m.refreshing <- struct{}{}:
	default:
		if len(names) > 0 {
			return names, nil
		}
		ctx, cancel := context.WithTimeout(ctx, listTimeout)
		defer cancel()
		select {
		case m.refreshing <- struct{}{}:
		case <-ctx.Done():
			return nil, nil
		}
	}
	defer func() { <-m.refreshing }()
	_, stale = m.known() // another call may have requested them meanwhile
	var requests sync.WaitGroup
	for _, s := range stale {
		requests.Go(func() { m.refresh(ctx, s) })
	}
	requests.Wait()
	names, _ = m.known()
	return names, nil
}

// known returns all known names, each once, and the servers whose lists are not fresh.
func (m *model) known() (names []string, stale []*server) {
	m.listed.Lock()
	defer m.listed.Unlock()
	seen := map[string]bool{}
	for _, s := range m.servers {
		if !strings.Contains(s.Model, "*") {
			continue // it is sent one model, whatever the name is
		}
		l := &s.listing
		if !time.Now().Before(l.until) {
			stale = append(stale, s)
		}
		for _, name := range l.names {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names, stale
}

// refresh requests a server's list. It goes on without the client, for the next one: else clients
// that wait less than a slow server takes would never get its list, and its failure would never be
// noted. A failure is logged once, until the server has sent a list again.
func (m *model) refresh(ctx context.Context, s *server) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTimeout)
	defer cancel()
	names, err := m.request(ctx, s)
	m.listed.Lock()
	l := &s.listing
	first := err != nil && !l.failed
	l.failed = err != nil
	l.until = time.Now().Add(listAgain)
	if err == nil {
		l.names, l.until = names, time.Now().Add(listFresh)
	}
	kept := len(l.names)
	m.listed.Unlock()
	if first {
		m.config.Log.Warn("the upstream does not list its models", "model", m.config.Name, "upstream", s.Name,
			"error", s.out.Secrets().With(s.APIKey).Text(err.Error()), "kept", kept)
	}
}

// request requests a server's list with the gateway's own key, and returns the names here of the
// models that it has.
func (m *model) request(ctx context.Context, s *server) ([]string, error) {
	out, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(s.BaseURL, "/")+"/models", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make a request for models: %w", err)
	}
	out.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"penstock"}}
	if s.APIKey != "" {
		out.Header["Authorization"] = []string{"Bearer " + s.APIKey}
	}
	s.out.Apply(out)
	head, err := s.out.RoundTrip(out)
	if err != nil {
		return nil, fmt.Errorf("request models: %w", err)
	}
	defer head.Body.Close()
	if head.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("request models: status %d", head.StatusCode)
	}
	body, err := outbound.Decompressed(head)
	if err != nil {
		return nil, fmt.Errorf("read models: %w", err)
	}
	limited := &io.LimitedReader{R: body, N: maxList + 1}
	var names []string
	err = eachID(limited, func(id string) bool {
		if name, ok := s.clientName(m.config.Name, id); ok {
			names = append(names, name)
		}
		return len(names) < maxListed
	})
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("read models: the list is larger than %d bytes", maxList)
	case err != nil:
		return nil, fmt.Errorf("read models: %w", err)
	}
	return names, nil
}

// eachID calls take with the id of each model of a list, until that returns false: of an object's
// member "data", as OpenAI has it, or of a bare array, as some servers have it. Of an element only
// the id is looked at.
func eachID(list io.Reader, take func(id string) bool) error {
	d := json.NewDecoder(bufio.NewReader(list))
	begin, err := d.Token()
	if err != nil {
		return err
	}
	if begin == json.Delim('[') {
		return elements(d, take)
	}
	if begin != json.Delim('{') {
		return errors.New("it is no list")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		if key != "data" {
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				return err
			}
			continue
		}
		if begin, err := d.Token(); err != nil || begin != json.Delim('[') {
			return errors.Join(errors.New(`its "data" is no array`), err)
		}
		return elements(d, take)
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	return errors.New(`it has no "data"`)
}

// elements reads the rest of an array.
func elements(d *json.Decoder, take func(id string) bool) error {
	for d.More() {
		var element struct {
			ID string `json:"id"`
		}
		var other *json.UnmarshalTypeError // an element without an id is left out
		if err := d.Decode(&element); err != nil && !errors.As(err, &other) {
			return err
		}
		if !take(element.ID) {
			return nil
		}
	}
	_, err := d.Token()
	return err
}
