package acceptance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// near is how far a probability may be from what was written down of it.
const near = 0.05

// photoFolder may be another one, with more pictures than the project may hold.
func photoFolder(t *testing.T) string {
	if dir := os.Getenv("PENSTOCK_TEST_PHOTOS"); dir != "" {
		return dir
	}
	return filepath.Join(server.Root(t), "clip", "testdata", "photos")
}

// The model of the repository says of pictures what it said where it was made, whichever way they come in.
func TestCLIPSaysWhatItShould(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(server.Root(t), "clip", "testdata", "clip-tiny.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected struct {
		Labels []string
		Ten    []string `json:"ten_labels"`
		Photos map[string]struct {
			CatDog []float64 `json:"cat_dog"`
			Ten    []float64
		}
	}
	if err := json.Unmarshal(data, &expected); err != nil {
		t.Fatal(err)
	}
	c, _ := start(t, bothModels)
	pictures := httptest.NewServer(http.FileServer(http.Dir(photoFolder(t))))
	defer pictures.Close()

	const predict = "/v1/models/clip:predict"
	worst, tried := 0.0, 0
	for name, want := range expected.Photos {
		picture, err := os.ReadFile(filepath.Join(photoFolder(t), name))
		if err != nil {
			continue // one of those that are not in this folder
		}
		tried++
		form, formType := multipartForm(t, picture)
		for way, a := range map[string]server.Response{
			"a url":      c.Post(predict, object(t, map[string]any{"url": pictures.URL + "/" + name})),
			"a data URL": c.Post(predict, object(t, map[string]any{"image": "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(picture)})),
			"multipart":  c.Do(http.MethodPost, predict, form, "Content-Type", formType),
			"raw":        c.Do(http.MethodPost, predict, string(picture), "Content-Type", "image/jpeg"),
		} {
			worst = max(worst, c.compare(name+" as "+way, a, expected.Labels, want.CatDog))
		}
		a := c.Post(predict, object(t, map[string]any{"url": pictures.URL + "/" + name, "labels": expected.Ten}))
		worst = max(worst, c.compare(name+" with ten labels", a, expected.Ten, want.Ten))
	}
	if tried < 7 {
		t.Errorf("only %d pictures were found", tried)
	}
	t.Logf("%d pictures, five ways; the largest difference of a probability is %.4f", tried, worst)
}

// compare returns the largest difference between an answer's only row and what is wanted.
func (c client) compare(name string, a server.Response, labels []string, want []float64) (worst float64) {
	c.Helper()
	var got struct {
		Labels        []string
		Probabilities [][]float64
		Logits        [][]float64
	}
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil || a.Status != http.StatusOK || !slices.Equal(got.Labels, labels) ||
		len(got.Probabilities) != 1 || len(got.Probabilities[0]) != len(want) || len(got.Logits) != 1 || len(got.Logits[0]) != len(want) {
		c.Errorf("%s: %d %s", name, a.Status, a.Body)
		return 0
	}
	for i, p := range got.Probabilities[0] {
		d := math.Abs(p - want[i])
		if worst = max(worst, d); d > near {
			c.Errorf("%s: %s has %.4f, not %.4f", name, labels[i], p, want[i])
		}
	}
	return worst
}

func object(t *testing.T, fields map[string]any) string {
	t.Helper()
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// multipartForm is a form with one picture, as browsers send it.
func multipartForm(t *testing.T, picture []byte) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("image", "picture.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(picture); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}
