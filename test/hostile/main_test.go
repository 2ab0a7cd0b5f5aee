package main

import (
	"testing"

	"penstock/test/server"
)

func TestMain(m *testing.M) { server.Main(m) }

// Each kind of hostile client attacks once or more, all at the same time; the good client is
// served, the memory stays within its limit, and nothing is left.
func TestHostileClients(t *testing.T) {
	o := options{
		binary: server.Binary(t), root: server.Root(t), folder: t.TempDir(),
		limit:   "1GiB", // the race detector takes several times what the command does
		clients: 3 * len(kinds()), small: true, log: t.Output(),
	}
	r, err := attack(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	r.print(o)
	if err := r.verdict(); err != nil {
		t.Error(err)
	}
	for _, k := range kinds() {
		if tries, _ := r.tally.count(k.name, 0, 0); tries == 0 {
			t.Errorf("%s: none", k.name)
		}
	}
	for _, kind := range []string{"bodies of empty values", "floods of headers", "wrong keys", "two lengths", "HTTP/2: rapid reset"} {
		if tries, refused := r.tally.count(kind, 400, 499); refused != tries {
			t.Errorf("%s: %d of %d were refused", kind, refused, tries)
		}
	}
}
