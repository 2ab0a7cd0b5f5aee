package dialect_test

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"strings"
	"testing"
)

// FuzzForm checks that what is accepted of a form is what another parser reads in it, and that
// nothing but the name of the model is replaced.
func FuzzForm(f *testing.F) {
	f.Add(form(modelField, fileFirst))
	f.Add(form(fileFirst, modelField))
	f.Add(form(fileFirst))
	f.Add(form("Content-Disposition: form-data; name=x\r\n\r\n", modelField))
	f.Add(form("Content-Disposition: form-data; name=\"a\\\"b\"; filename=\"\"\r\n\r\n--B-", modelField) + "--B\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		c, err := passCall("", "multipart/form-data; boundary=B", body)
		if err != nil || body == "" {
			return
		}
		read := func(body string) (models []string, others string) {
			r := multipart.NewReader(strings.NewReader(body), "B")
			for {
				part, err := r.NextRawPart()
				if errors.Is(err, io.EOF) {
					return models, others
				}
				if err != nil {
					t.Fatalf("%q: %v", body, err)
				}
				value, err := io.ReadAll(part)
				if err != nil {
					t.Fatalf("%q: %v", body, err)
				}
				if part.FormName() == "model" {
					models = append(models, string(value))
				} else {
					others += part.FormName() + "\x00" + part.FileName() + "\x00" + string(value) + "\x00"
				}
			}
		}
		models, others := read(body)
		if len(models) > 1 || strings.Join(models, "") != c.Model {
			t.Fatalf("%q: %q, not %q", body, c.Model, models)
		}
		_, pieces := c.For("new")
		changed := string(bytes.Join(pieces, nil))
		again, same := read(changed)
		if same != others || len(again) != len(models) || len(again) > 0 && again[0] != "new" {
			t.Fatalf("%q became %q", body, changed)
		}
	})
}
