package clip

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"penstock/apierr"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// fields are what a JSON request may say. Absent and null are the same.
type fields struct {
	URL      *string  `json:"url"`
	URLs     []string `json:"urls"`
	Image    *string  `json:"image"`
	Labels   []string `json:"labels"`
	Template *string  `json:"template"`
	TopK     *int     `json:"top_k"`
}

// item is an entry of the list that Truss takes.
type item struct {
	URL   *string `json:"url"`
	Image *string `json:"image"`
}

// fieldNames are for saying what was meant, and what there is.
var fieldNames = [...]string{"url", "urls", "image", "labels", "template", "top_k"}

// decodeJSON reads an object of fields, or a list of objects with one picture each.
func decodeJSON(body []byte) (r Request, err error) {
	if list := bytes.TrimLeft(body, " \t\r\n"); len(list) > 0 && list[0] == '[' {
		var items []item
		if err := unmarshal(body, &items); err != nil {
			return r, err
		}
		for i, it := range items {
			if err := r.addPictures(it.URL, nil, it.Image); err != nil {
				return r, err
			}
			if len(r.Pictures) != i+1 {
				return r, apierr.InvalidInput(ReasonMissing, "each entry of a list needs one of \"url\" and \"image\"; the one at %d has none or both", i)
			}
		}
		return r, nil
	}
	var f fields
	if err := unmarshal(body, &f); err != nil {
		return r, err
	}
	if f.Labels != nil && len(f.Labels) == 0 {
		return r, &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonBadLabels, Param: "labels", Message: "\"labels\" is empty: name some, or leave it out for the model's own"}
	}
	r.Labels = f.Labels
	if f.Template != nil {
		if r.Template = *f.Template; r.Template == "" {
			return r, &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonBadTemplate, Param: "template", Message: "\"template\" is empty: it must contain {} where the label goes"}
		}
	}
	if f.TopK != nil {
		if r.TopK = *f.TopK; r.TopK < 1 {
			return r, &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonBadTopK, Param: "top_k", Message: "\"top_k\" must be a whole number, 1 or more"}
		}
	}
	return r, r.addPictures(f.URL, f.URLs, f.Image)
}

// addPictures adds the pictures of an object, which names them in one way only.
func (r *Request) addPictures(url *string, urls []string, image *string) error {
	ways := 0
	if url != nil {
		ways++
		r.Pictures = append(r.Pictures, Picture{URL: *url})
	}
	if urls != nil {
		ways++
		for _, u := range urls {
			r.Pictures = append(r.Pictures, Picture{URL: u})
		}
	}
	if image != nil {
		ways++
		data, err := decodeImage(*image)
		if err != nil {
			return err
		}
		r.Pictures = append(r.Pictures, Picture{Data: data})
	}
	if ways > 1 {
		return apierr.InvalidInput(ReasonTooMany, "send only one of \"url\", \"urls\" and \"image\"")
	}
	return nil
}

// unmarshal reads exactly one JSON value, strictly, and says what is wrong with it and where.
func unmarshal[T any](body []byte, into *T) error {
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var wrong *json.SemanticError
	if !errors.As(err, &wrong) {
		message := "the body is not valid JSON in UTF-8"
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) {
			message = fmt.Sprintf("the body is not valid JSON in UTF-8, from byte %d on", syntax.ByteOffset)
			if errors.Is(err, jsontext.ErrDuplicateName) {
				message = fmt.Sprintf("the body names %q twice", syntax.JSONPointer.LastToken())
			}
		}
		return &apierr.Error{Code: apierr.CodeInvalidJSON, Message: message, Cause: err}
	}
	if errors.Is(err, json.ErrUnknownName) {
		return unknownField(wrong.JSONPointer.LastToken())
	}
	field, place := "", "the body"
	if wrong.JSONPointer != "" {
		tokens := strings.Split(strings.TrimPrefix(string(wrong.JSONPointer), "/"), "/")
		field, place = tokens[0], strings.Join(tokens, " ")
	}
	e := &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonWrongType, Param: field, Cause: err}
	if field == "labels" {
		e.Reason = ReasonBadLabels
	}
	e.Message = fmt.Sprintf("%s is of the wrong type: \"url\", \"image\" and \"template\" are text, \"urls\" and \"labels\" lists of text, \"top_k\" is a whole number", place)
	return e
}

func unknownField(name string) error { return unknown("field", name, fieldNames[:]) }

func unknown(what, name string, known []string) error {
	hint := "there are " + strings.Join(known, ", ")
	if near := nearest(name, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonUnknownField, Param: name, Message: fmt.Sprintf("there is no %s %q: %s", what, name, hint)}
}

// nearest returns the known name that differs from name by a slip or two of the keyboard, or that it begins or ends like.
func nearest(name string, known []string) string {
	name = strings.ToLower(name)
	best, bestDistance := "", 3
	for _, field := range known {
		if d := distance(name, field); d < bestDistance && d < len(field) {
			best, bestDistance = field, d
		}
	}
	for _, field := range known {
		if best == "" && (strings.HasPrefix(name, field) || strings.HasSuffix(name, field)) {
			best = field
		}
	}
	return best
}

// distance is how many letters must be changed, added or left out to come from a to b (Levenshtein's).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
