package clip

import (
	"fmt"
	"strings"

	"penstock/clip/fetch"
	"penstock/clip/internal/pixels"
	"penstock/engine"
)

// The reasons for which a request is refused, besides those that pictures and fetching have.
const (
	ReasonMissing       = "missing_picture"
	ReasonTooMany       = "too_many_pictures"
	ReasonBadLabels     = "bad_labels"
	ReasonBadTemplate   = "bad_template"
	ReasonBadTopK       = "bad_top_k"
	ReasonUnknownField  = "unknown_field"
	ReasonWrongType     = "wrong_type"
	ReasonTooManyInputs = "too_many_inputs"
	ReasonBadText       = "bad_text"
	ReasonBadDimensions = "bad_dimensions"
	ReasonBadTensor     = "bad_tensor"
)

// What a request may hold.
const (
	maxPictures = 32
	maxLabels   = 1000
	maxText     = 1000 // bytes of a label or a template; CLIP reads 77 tokens
)

// A Request asks which labels pictures show.
type Request struct {
	Pictures []Picture
	Labels   []string // none: the model's own
	Template string   // what each label is put into, in the place of {}; "": the model's own
	TopK     int      // how many labels to answer with, the likeliest; 0: all
	Bare     bool     // answer with the rows of probabilities alone, as Truss does
}

// A Picture is its bytes or, where those are nil, the address to fetch them from.
type Picture struct {
	URL  string
	Data []byte
}

// check refuses what cannot be answered. Labels and template are those of the request or the model's.
func (r *Request) check() error {
	switch n := len(r.Pictures); {
	case n == 0:
		return engine.InvalidInput(ReasonMissing, "send a picture: \"url\", \"urls\" or \"image\" (a data URL or base64), a form with files named image, or the picture itself as the body")
	case n > maxPictures:
		return engine.InvalidInput(ReasonTooMany, "%d pictures are too many for one request: send at most %d", n, maxPictures)
	}
	if err := r.checkLabels(); err != nil {
		err.Param = "labels"
		return err
	}
	if len(r.Template) > maxText || !strings.Contains(r.Template, placeholder) || strings.Contains(r.Template, "\x00") {
		return &engine.Error{
			Code: engine.CodeInvalidInput, Reason: ReasonBadTemplate, Param: "template",
			Message: fmt.Sprintf("\"template\" must contain {} where the label goes, as in \"a photo of a {}\", and have at most %d bytes", maxText),
		}
	}
	if r.TopK < 0 {
		return &engine.Error{
			Code: engine.CodeInvalidInput, Reason: ReasonBadTopK, Param: "top_k",
			Message: "\"top_k\" is how many labels to answer with, 1 or more; leave it out for all",
		}
	}
	return nil
}

func (r *Request) checkLabels() *engine.Error {
	if n := len(r.Labels); n == 0 || n > maxLabels {
		return engine.InvalidInput(ReasonBadLabels, "%d labels: send 1 to %d", n, maxLabels)
	}
	first := make(map[string]int, len(r.Labels))
	for i, label := range r.Labels {
		switch before, twice := first[label]; {
		case strings.TrimSpace(label) == "":
			return engine.InvalidInput(ReasonBadLabels, "labels[%d] is empty", i)
		case len(label) > maxText:
			return engine.InvalidInput(ReasonBadLabels, "labels[%d] has %d bytes; a label may have %d", i, len(label), maxText)
		case strings.Contains(label, "\x00"):
			return engine.InvalidInput(ReasonBadLabels, "labels[%d] holds a NUL character", i)
		case twice:
			return engine.InvalidInput(ReasonBadLabels, "labels[%d] is the same as labels[%d]", i, before)
		}
		first[label] = i
	}
	return nil
}

// The reasons of pictures and of fetching are part of what this package says: here they can be found together.
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
