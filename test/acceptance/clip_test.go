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

	"penstock/test/server"
)

// tolerance is how far a probability may be from the recorded one.
const tolerance = 0.05

// photoFolder returns the folder of photos; another one may hold more than the repository may.
func photoFolder(t *testing.T) string {
	if dir := os.Getenv("PENSTOCK_TEST_PHOTOS"); dir != "" {
		return dir
	}
	return filepath.Join(server.Root(t), "clip", "testdata", "photos")
}

// The model of the repository predicts what it predicted where it was trained, whichever way the
// pictures are sent.
func TestCLIPPredictsTheRecordedProbabilities(t *testing.T) {
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
			continue // not in this folder
		}
		tried++
		form, formType := multipartForm(t, picture)
		for form, r := range map[string]server.Response{
			"a url":      c.Post(predict, object(t, map[string]any{"url": pictures.URL + "/" + name})),
			"a data URL": c.Post(predict, object(t, map[string]any{"image": "data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(picture)})),
			"multipart":  c.Do(http.MethodPost, predict, form, "Content-Type", formType),
			"raw":        c.Do(http.MethodPost, predict, string(picture), "Content-Type", "image/jpeg"),
		} {
			worst = max(worst, c.compare(name+" as "+form, r, expected.Labels, want.CatDog))
		}
		r := c.Post(predict, object(t, map[string]any{"url": pictures.URL + "/" + name, "labels": expected.Ten}))
		worst = max(worst, c.compare(name+" with ten labels", r, expected.Ten, want.Ten))
	}
	if tried < 7 {
		t.Errorf("found only %d pictures", tried)
	}
	t.Logf("%d pictures, in five forms; the largest difference of a probability is %.4f", tried, worst)
}

// compare returns the largest difference between a response's only row and the wanted one.
func (c client) compare(name string, r server.Response, labels []string, want []float64) (worst float64) {
	c.Helper()
	var got struct {
		Labels        []string
		Probabilities [][]float64
		Logits        [][]float64
	}
	if err := json.Unmarshal([]byte(r.Body), &got); err != nil || r.Status != http.StatusOK || !slices.Equal(got.Labels, labels) ||
		len(got.Probabilities) != 1 || len(got.Probabilities[0]) != len(want) || len(got.Logits) != 1 || len(got.Logits[0]) != len(want) {
		c.Errorf("%s: %d %s", name, r.Status, r.Body)
		return 0
	}
	for i, p := range got.Probabilities[0] {
		d := math.Abs(p - want[i])
		if worst = max(worst, d); d > tolerance {
			c.Errorf("%s: %s has %.4f, not %.4f", name, labels[i], p, want[i])
		}
	}
	return worst
}

// object returns fields as a JSON object.
func object(t *testing.T, fields map[string]any) string {
	t.Helper()
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// multipartForm returns a form with one picture, as browsers send it.
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
