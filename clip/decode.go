package clip

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"penstock/apierr"
	"penstock/engine"
)

// decode decodes a request from JSON, a form, or a picture as it is. What the body lacks may be in
// the query: labels (repeated), template, top_k; and format=list.
func decode(in engine.Input) (r Request, err error) {
	media, params, err := mime.ParseMediaType(in.MediaType)
	if err != nil && in.MediaType != "" {
		return r, unsupported(in.MediaType)
	}
	switch {
	case strings.HasPrefix(media, "image/"), media == "application/octet-stream":
		if len(in.Body) > 0 {
			r.Pictures = []Picture{{Data: in.Body}}
		}
	case media == "multipart/form-data":
		err = r.addForm(in.Body, params["boundary"])
	case media == "", media == "application/json", strings.HasSuffix(media, "+json"):
		r, err = decodeJSON(in.Body)
	default:
		return r, unsupported(in.MediaType)
	}
	if err != nil {
		return r, err
	}
	return r, r.addQuery(in.Parameters)
}

func unsupported(contentType string) error {
	return &apierr.Error{
		Code:    apierr.CodeUnsupportedMediaType,
		Message: fmt.Sprintf("a body of type %q is not read here: send application/json, multipart/form-data, or a picture as image/jpeg and the like", apierr.Shorten(contentType)),
	}
}

// parameters are the names that a query may have.
var parameters = [...]string{"labels", "template", "top_k", "format"}

// addQuery adds the query to what the body has.
func (r *Request) addQuery(query url.Values) error {
	// In order, so that of several mistakes the same one is reported each time.
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch {
		case !slices.Contains(parameters[:], name):
			return unknown("parameter", name, parameters[:])
		case name == "labels" && r.Labels != nil, name == "format" && len(query[name]) > 1:
			return givenTwice(name)
		}
		for _, value := range query[name] {
			var err error
			if name == "format" {
				err = r.setFormat(value)
			} else {
				err = r.setText(name, value)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Request) setFormat(value string) error {
	switch value {
	case "", "object":
	case "list":
		r.Bare = true
	default:
		return apierr.InvalidInput("bad_format", "the format is \"list\" for bare rows, or left out, not %q", value)
	}
	return nil
}

func givenTwice(name string) error {
	return &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonGivenTwice, Param: apierr.Shorten(name), Message: fmt.Sprintf("%q is given twice: give it once, in the body or in the query", apierr.Shorten(name))}
}

// setText sets a field that was sent as text. labels may occur several times.
func (r *Request) setText(name, value string) error {
	switch name {
	case "labels":
		if len(r.Labels) > maxLabels { // check refuses it
			return nil
		}
		r.Labels = append(r.Labels, value)
	case "template":
		if r.Template != "" {
			return givenTwice(name)
		}
		r.Template = value
	case "top_k":
		if r.TopK != 0 {
			return givenTwice(name)
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonBadTopK, Param: name, Message: "\"top_k\" must be a whole number, 1 or more"}
		}
		r.TopK = n
	case "url", "urls":
		r.Pictures = append(r.Pictures, Picture{URL: value})
	case "image":
		data, err := decodeImage(value)
		if err != nil {
			return err
		}
		r.Pictures = append(r.Pictures, Picture{Data: data})
	default:
		return unknownField(name)
	}
	return nil
}

// addForm decodes multipart/form-data: files named image, and the fields of the JSON form as text.
func (r *Request) addForm(body []byte, boundary string) error {
	if boundary == "" {
		return apierr.InvalidInput("bad_form", "the form has no boundary: leave Content-Type to your HTTP client")
	}
	sizes := partSizes(body, boundary)
	form := multipart.NewReader(bytes.NewReader(body), boundary)
	for _, size := range sizes {
		if len(r.Pictures) > maxPictures || len(r.Labels) > maxLabels { // check refuses it
			return nil
		}
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badForm(err)
		}
		var content bytes.Buffer
		content.Grow(size + bytes.MinRead) // with the free space that ReadFrom needs to see the end
		if _, err := content.ReadFrom(part); err != nil {
			return badForm(err)
		}
		value := content.Bytes()
		name := part.FormName()
		if part.FileName() == "" && !strings.HasPrefix(part.Header.Get("Content-Type"), "image/") {
			err = r.setText(name, string(value))
		} else if name == "image" {
			r.Pictures = append(r.Pictures, Picture{Data: value})
		} else if slices.Contains(fieldNames[:], name) {
			err = &apierr.Error{Code: apierr.CodeInvalidInput, Reason: ReasonWrongType, Param: apierr.Shorten(name), Message: fmt.Sprintf("%q is text: send it as a field of the form, not as a file", apierr.Shorten(name))}
		} else {
			err = unknownField(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxParts is how many parts a form may have: more than the pictures and labels of a request.
const maxParts = 2 * (maxPictures + maxLabels)

// partSizes returns the sizes of a form's parts, and one size more for its end or for what is
// malformed. A part that were read without it would take several times its size meanwhile.
func partSizes(body []byte, boundary string) (sizes []int) {
	form := multipart.NewReader(bytes.NewReader(body), boundary)
	for len(sizes) < maxParts {
		part, err := form.NextPart()
		if err != nil {
			return append(sizes, 0)
		}
		n, _ := io.Copy(io.Discard, part) // an error comes again when the part is read
		sizes = append(sizes, int(n))
	}
	return sizes
}

func badForm(cause error) error {
	e := apierr.InvalidInput("bad_form", "the form breaks off or is malformed")
	e.Cause = cause
	return e
}
