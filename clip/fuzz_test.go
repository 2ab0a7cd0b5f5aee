package clip

import (
	"errors"
	"testing"

	"penstock/apierr"
	"penstock/engine"
)

// FuzzDecode: any input is a request or an error that is the client's.
func FuzzDecode(f *testing.F) {
	f.Add("application/json", []byte(`{"url": "https://example.com/cat.jpg", "labels": ["a", "b"], "top_k": 1}`))
	f.Add("", []byte(`[{"image": "data:image/png;base64,AAAA"}, {"url": "x"}]`))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"labels\"\r\n\r\ncat\r\n--b--\r\n"))
	f.Add("image/png", []byte("\x89PNG"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		r, err := decode(engine.Input{MediaType: contentType, Body: body})
		var e *apierr.Error
		switch {
		case err == nil:
			r.Labels = append(r.Labels, "one more")
			r.Template = placeholder
			err = r.check()
			if err != nil && !errors.As(err, &e) {
				t.Errorf("check: %v", err)
			}
		case !errors.As(err, &e) || e.Message == "" || e.Code == apierr.CodeInternal:
			t.Errorf("error %v", err)
		}
	})
}
