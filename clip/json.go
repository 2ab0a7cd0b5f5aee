package clip

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"penstock/apierr"
	"penstock/strictjson"
)

// fields are the fields of a JSON request. Absent and null are the same.
type fields struct {
	URL      *string  `json:"url"`
	URLs     []string `json:"urls"`
	Image    *string  `json:"image"`
	Labels   []string `json:"labels"`
	Template *string  `json:"template"`
	TopK     *int     `json:"top_k"`
}

// item is an entry of a list, the request of Truss.
type item struct {
	URL   *string `json:"url"`
	Image *string `json:"image"`
}

// decodeJSON decodes an object of fields, or a list of objects with one picture each.
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

// addPictures adds the pictures of an object, which may name them in one way only.
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

// unmarshal decodes a body strictly, and converts what is wrong with it to an *apierr.Error.
func unmarshal[T any](body []byte, into *T) error {
	err := strictjson.Decode(body, into)
	wrong, ok := errors.AsType[*strictjson.Error](err)
	if !ok {
		return err
	}
	switch wrong.Kind {
	case strictjson.Syntax:
		return &apierr.Error{
			Code: apierr.CodeInvalidJSON, Cause: err,
			Message: fmt.Sprintf("the body is not valid JSON in UTF-8, from byte %d on", wrong.Offset),
		}
	case strictjson.DuplicateMember:
		return &apierr.Error{
			Code: apierr.CodeInvalidJSON, Cause: err,
			Message: fmt.Sprintf("the body names %q twice", apierr.Shorten(wrong.Path.Last())),
		}
	case strictjson.UnknownMember:
		return unknown("field", wrong.Path.Last(), wrong.Known)
	case strictjson.TooMany:
		return &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonTooManyValues, Cause: err, Message: "the body has too many values for its size"}
	case strictjson.WrongType, strictjson.OutOfRange:
	}
	e := &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonWrongType, Cause: err}
	position := "the body"
	if len(wrong.Path) > 0 {
		e.Param, position = wrong.Path[0], strings.Join(wrong.Path, " ")
	}
	if e.Param == "labels" {
		e.Reason = ReasonBadLabels
	}
	e.Message = fmt.Sprintf("%s is of the wrong type: \"url\", \"image\" and \"template\" are text, \"urls\" and \"labels\" lists of text, \"top_k\" is a whole number", position)
	return e
}
