package clip

import (
	"strings"
	"unicode/utf8"

	"penstock/apierr"
	"penstock/clip/fetch"
	"penstock/clip/internal/pixels"
)

// The reasons for which a request is refused, besides those of pictures and of fetching.
const (
	ReasonMissing       = "missing_picture"
	ReasonTooMany       = "too_many_pictures"
	ReasonBadLabels     = "bad_labels"
	ReasonBadTemplate   = "bad_template"
	ReasonBadTopK       = "bad_top_k"
	ReasonUnknownField  = "unknown_field"
	ReasonGivenTwice    = "given_twice"
	ReasonWrongType     = "wrong_type"
	ReasonTooManyInputs = "too_many_inputs"
	ReasonTooManyValues = "too_many_values"
	ReasonBadText       = "bad_text"
	ReasonBadDimensions = "bad_dimensions"
	ReasonBadTensor     = "bad_tensor"
	ReasonNoLogitScale  = "no_logit_scale"
)

// The limits of a request.
const (
	maxPictures = 32
	maxLabels   = 1000
	maxText     = 1000 // bytes of a label or a template; CLIP reads 77 tokens
)

// A Request is pictures and the labels to compare them with.
type Request struct {
	Pictures []Picture
	Labels   []string // none: the model's own
	Template string   // the text that each label is inserted into, at its one {}; "": the model's own
	TopK     int      // how many labels the result has, the likeliest; 0: all
	Bare     bool     // encode the rows of probabilities alone, as Truss does
}

// A Picture is its bytes or, where those are nil, the address they are fetched from, or a data URL.
type Picture struct {
	URL  string
	Data []byte
}

// check refuses a request that exceeds the limits or is malformed. Labels and template are the
// request's or the model's.
func (r *Request) check() error {
	switch n := len(r.Pictures); {
	case n == 0:
		return apierr.InvalidInput(ReasonMissing, "send a picture: \"url\", \"urls\" or \"image\" (a data URL or base64), a form with files named image, or the picture itself as the body")
	case n > maxPictures:
		return apierr.InvalidInput(ReasonTooMany, "%d pictures are too many for one request: send at most %d", n, maxPictures)
	}
	if err := r.checkTexts(); err != nil {
		return err
	}
	if r.TopK < 0 {
		return &apierr.Error{
			Code: apierr.CodeInvalidInput, Reason: ReasonBadTopK, Param: "top_k",
			Message: "\"top_k\" is how many labels to answer with, 1 or more; leave it out for all",
		}
	}
	return nil
}

// checkTexts checks labels and template, which a model has of its own too. Its error is nil or an
// *apierr.Error.
func (r *Request) checkTexts() error {
	if err := r.checkLabels(); err != nil {
		err.Param = "labels"
		return err
	}
	if err := r.checkTemplate(); err != nil {
		err.Param = "template"
		return err
	}
	return nil
}

// checkTemplate requires one {}: with hundreds, a short request would become megabytes of text for
// each label.
func (r *Request) checkTemplate() *apierr.Error {
	switch n := strings.Count(r.Template, placeholder); {
	case len(r.Template) > maxText:
		return apierr.InvalidInput(ReasonBadTemplate, "\"template\" has %d bytes; it may have %d", len(r.Template), maxText)
	case n != 1:
		return apierr.InvalidInput(ReasonBadTemplate, "\"template\" has {} %d times: it must be there once, where the label goes, as in \"a photo of a {}\"", n)
	case !utf8.ValidString(r.Template):
		return apierr.InvalidInput(ReasonBadTemplate, "\"template\" is not UTF-8")
	case strings.Contains(r.Template, "\x00"):
		return apierr.InvalidInput(ReasonBadTemplate, "\"template\" holds a NUL character")
	}
	return nil
}

func (r *Request) checkLabels() *apierr.Error {
	switch n := len(r.Labels); {
	case n == 0:
		return apierr.InvalidInput(ReasonBadLabels, "this model has no labels of its own: send \"labels\", 1 to %d of them", maxLabels)
	case n > maxLabels:
		return apierr.InvalidInput(ReasonBadLabels, "%d labels: send 1 to %d", n, maxLabels)
	}
	first := make(map[string]int, len(r.Labels))
	for i, label := range r.Labels {
		switch earlier, twice := first[label]; {
		case strings.TrimSpace(label) == "":
			return apierr.InvalidInput(ReasonBadLabels, "labels[%d] is empty", i)
		case len(label) > maxText:
			return apierr.InvalidInput(ReasonBadLabels, "labels[%d] has %d bytes; a label may have %d", i, len(label), maxText)
		case !utf8.ValidString(label):
			return apierr.InvalidInput(ReasonBadLabels, "labels[%d] is not UTF-8", i)
		case strings.Contains(label, "\x00"):
			return apierr.InvalidInput(ReasonBadLabels, "labels[%d] holds a NUL character", i)
		case twice:
			return apierr.InvalidInput(ReasonBadLabels, "labels[%d] is the same as labels[%d]", i, earlier)
		}
		first[label] = i
	}
	return nil
}

// The reasons of pictures and of fetching, repeated here so that a caller finds all reasons in one
// package.
const (
	ReasonNotAnImage        = pixels.ReasonNotAnImage
	ReasonTruncatedImage    = pixels.ReasonTruncatedImage
	ReasonUnsupportedImage  = pixels.ReasonUnsupportedImage
	ReasonTooManyPixels     = pixels.ReasonTooManyPixels
	ReasonTooLarge          = fetch.ReasonTooLarge
	ReasonBadURL            = fetch.ReasonBadURL
	ReasonAddressNotAllowed = fetch.ReasonAddressNotAllowed
	ReasonTooManyRedirects  = fetch.ReasonTooManyRedirects
	ReasonFetchFailed       = fetch.ReasonFailed
	ReasonFetchTimeout      = fetch.ReasonTimeout
)
