package clip

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// What browsers read from each data URL, by the rules of WHATWG's Fetch and URL standards.
func TestDataURLs(t *testing.T) {
	const none = "(not a data URL)"
	for text, want := range map[string]string{
		"data:,X":                       "|X",
		"data:,":                        "|",
		"DaTa:text/plain,X":             "text/plain|X",
		" \x00\x1f\ndata:,X\x7f \t\r\n": "|X\x7f",
		"da\tt\na\r:image/\tpng;ba\nse64,\tQ\nU\rI=":  "image/png|AB",
		"data:image/png;base64,QUI=":                  "image/png|AB",
		"data:image/png;base64,QUI":                   "image/png|AB",
		"data:image/png;base64,QUI%3D":                "image/png|AB",
		"data:image/png;base64,Q%55%49%3d":            "image/png|AB",
		"data:image/png;base64,Q%20U%0A%09I%0C%0D =":  "image/png|AB",
		"data:image/png;base64,Q%5\n5I":               "image/png|AB",
		"data:image/png;base64,QUI= = ":               "image/png|AB", // browsers do not take this one
		"data:image/png;base64,-_-_":                  "image/png|\xfb\xff\xbf",
		"data:image/png;base64,%2B/%2b%2F":            "image/png|\xfb\xff\xbf",
		"data:;base64,QUI":                            "|AB",
		"data:; base64,QUI":                           "|AB",
		"data:;   BASE64  ,QUI":                       "|AB",
		"data: image/png ; charset=x ; base64 ,QUI":   "image/png|AB",
		"data:image/png;charset=utf-8;base64,QUI":     "image/png|AB",
		"data:image/png;base64;base64,QUI":            "image/png|AB",
		"data:image/png;name=a.png;base64,QUI#part,x": "image/png|AB",
		"data:image/png;base64;charset=x,QUI":         "image/png|QUI",
		"data:image/png;base64;,QUI":                  "image/png|QUI",
		"data:image/png;base64x,QUI":                  "image/png|QUI",
		"data:image/png;base 64,QUI":                  "image/png|QUI",
		"data:image/png;%62ase64,QUI":                 "image/png|QUI",
		"data:image/png%3Bbase64,QUI":                 "image/png%3Bbase64|QUI",
		"data:image/pngbase64,QUI":                    "image/pngbase64|QUI",
		"data:base64,QUI":                             "base64|QUI",
		"data:image/png,%89PNG%0D%0a%1a":              "image/png|\x89PNG\r\n\x1a",
		"data:image/png,a b%2":                        "image/png|a b%2",
		"data:image/png,%zz%%41%4":                    "image/png|%zz%A%4",
		"data:image/png,%C2%B1\u00b1":                 "image/png|\u00b1\u00b1",
		"data:image/png,x,y?z":                        "image/png|x,y?z",
		"data:text/plain;a=\",\",X":                   "text/plain|\",X",
		"data:image/png;base64,Q":                     "image/png|!",
		"data:image/png;base64,QUI=Q":                 "image/png|!",
		"data:image/png;base64,QU=I":                  "image/png|!",
		"data:image/png;base64,QUI%":                  "image/png|!",
		"data:image/png;base64,Q\u00a0UI":             "image/png|!",
		"data:image/png;base64,QUI\x00I":              "image/png|!",
		"data:image/png;base64,QUI%00":                "image/png|!",
		"data:image/png;base64,Q\vUI":                 "image/png|!",
		"data:image/png":                              "|!",
		"data:image/png#,X":                           "|!",
		"data":                                        none,
		"":                                            none,
		"dat a:,X":                                    none,
		"xdata:,X":                                    none,
		"data\x1a,X":                                  none,
		"d\u0430ta:,X":                                none,
		"https://example.com/data:,X":                 none,
	} {
		got := none
		if u, ok, err := parseDataURL(text); ok {
			got = u.mediaType + "|"
			if data, _, decodeErr := decodeDataURL(text); err != nil || decodeErr != nil {
				got += "!"
			} else {
				got += string(data)
			}
		}
		if got != want {
			t.Errorf("%q is %q, not %q", text, got, want)
		}
	}
}

func TestIsPictureURL(t *testing.T) {
	for text, want := range map[string]bool{
		"data:image/png;base64,QUI":                          true,
		" Data:\tIMAGE/svg+xml,%3Csvg/%3E":                   true,
		"data:image/x-icon ;base64,":                         true,
		"data:image/png":                                     false,
		"data:image/,X":                                      false,
		"data:text/plain,X":                                  false,
		"data:;base64,QUI":                                   false,
		"data: the new oil, they say":                        false,
		"data:image/png is how they begin, I think":          false,
		"an example is data:image/png;base64,QUI":            false,
		"data:image/" + strings.Repeat("a", 1000) + ",X":     false,
		"data:imagery/png,X":                                 false,
		"https://example.com/?to=data:image/png;base64,QUI=": false,
	} {
		if got := isPictureURL(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// A picture has the same vector however it is sent.
func TestDataURLsWherePicturesAreSent(t *testing.T) {
	l := load(t, tiny(t))
	cat := photo(t, "cat_chelsea.jpg")
	code := base64.StdEncoding.EncodeToString(cat)
	type object = map[string]any
	want, err := do(t.Context(), l.predict, Request{Pictures: []Picture{{Data: cat}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{
		"base64":           "data:image/jpeg;base64," + code,
		"white space":      " data: image/jpeg ; charset=utf-8 ; base64 ,\t" + code[:80] + "\r\n " + code[80:] + "\n",
		"escaped base64":   "data:image/jpeg;base64," + url.QueryEscape(code),
		"percent-encoding": "data:image/jpeg," + escaped(cat),
	} {
		t.Run(name, func(t *testing.T) {
			for _, body := range []object{{"url": address}, {"urls": []string{address}}, {"image": address}} {
				out, err := l.bytes(t, asJSON(t, body))
				if err != nil {
					t.Fatal(err)
				}
				var got Result
				if err := json.Unmarshal(out.Body, &got); err != nil || len(got.Logits) != 1 || !near(got.Logits[0], want.Logits[0]) {
					t.Errorf("got %s, not %+v", out.Body, want)
				}
			}
			if _, err := l.bytes(t, form(t, nil, [2]string{"url", address})); err != nil {
				t.Errorf("in a form: %v", err)
			}
			if got, err := do(t.Context(), l.predict, Request{Pictures: []Picture{{URL: address}}}); err != nil || !near(got.Logits[0], want.Logits[0]) {
				t.Errorf("without JSON: %+v, %v", got, err)
			}
			for _, input := range []any{address, []any{address}, object{"url": address}, object{"image": address}, []any{"a cat", address, object{"image": code}, "data: the new oil, they say"}} {
				checkPictureVectors(t, l, input, cat)
			}
		})
	}
}

// checkPictureVectors checks that each picture among the inputs has the vector of data.
func checkPictureVectors(t *testing.T, l loaded, input any, data []byte) {
	t.Helper()
	vectors := func(input any) (all [][]float32) {
		out, err := l.call(t, "embed", asJSON(t, map[string]any{"model": "clip", "input": input}))
		if err != nil {
			t.Fatalf("%.100s: %v", fmt.Sprint(input), err)
		}
		var response struct {
			Data []struct {
				Embedding []float32 `json:"embedding"`
			} `json:"data"`
		}
		if err := json.Unmarshal(out.Body, &response); err != nil {
			t.Fatal(err)
		}
		for _, d := range response.Data {
			all = append(all, d.Embedding)
		}
		return all
	}
	want := vectors(map[string]any{"image": base64.StdEncoding.EncodeToString(data)})[0]
	got := vectors(input)
	if len(got) == 4 { // texts at both ends
		if near(got[0], want) || near(got[3], want) {
			t.Error("a text has the vector of the picture")
		}
		got = got[1:3]
	}
	if len(got) == 0 || slices.ContainsFunc(got, func(v []float32) bool { return !near(v, want) }) {
		t.Errorf("%.100s: another vector", fmt.Sprint(input))
	}
}

func escaped(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

func FuzzDataURL(f *testing.F) {
	f.Add("data:image/png ; base64 ,Q%55I=#x")
	f.Fuzz(func(t *testing.T, text string) {
		data, ok, err := decodeDataURL(text)
		if len(data) > len(text) || !ok && (err != nil || data != nil) {
			t.Errorf("%q: %d bytes, %t, %v", text, len(data), ok, err)
		}
	})
}
