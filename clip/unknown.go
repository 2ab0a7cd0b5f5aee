package clip

import (
	"fmt"
	"strings"

	edlib "github.com/hbollon/go-edlib"

	"penstock/apierr"
)

// fieldNames are the fields of a form, and of JSON.
var fieldNames = [...]string{"url", "urls", "image", "labels", "template", "top_k"}

func unknownField(name string) error { return unknown("field", name, fieldNames[:]) }

// unknown is the error of a name that does not exist. It suggests a known one that is near, or
// lists all of them.
func unknown(what, name string, known []string) error {
	hint := "there are " + strings.Join(known, ", ")
	if near := nearest(name, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return &apierr.Error{
		Code: apierr.CodeInvalidInput, Reason: ReasonUnknownField, Param: apierr.Shorten(name),
		Message: fmt.Sprintf("there is no %s %q: %s", what, apierr.Shorten(name), hint),
	}
}

// maxTypo is the length beyond which a name is no mistyped field's. The comparison takes memory in
// proportion to it.
const maxTypo = 100

// nearest returns the known name that differs from name by one or two typing errors, or with which
// name begins or ends; "" if there is none.
func nearest(name string, known []string) string {
	if len(name) > maxTypo {
		return ""
	}
	name = strings.ToLower(name)
	best, bestDistance := "", 3
	for _, field := range known {
		if d := edlib.OSADamerauLevenshteinDistance(name, field); d < bestDistance && d < len(field) {
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
