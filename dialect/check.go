package dialect

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxInteger bounds integers that have no bound of OpenAI's.
const maxInteger = math.MaxInt32

// checks looks at a request's values one after the other and keeps the first error.
type checks struct{ failed *Error }

func (c *checks) fail(e *Error) {
	if c.failed == nil {
		c.failed = e
	}
}

func (c *checks) given(param string, present bool) {
	if !present {
		c.fail(badRequest(param, codeMissing, "Missing required parameter: '%s'.", param))
	}
}

func (c *checks) oneOf(param, value string, allowed ...string) {
	c.given(param, value != "")
	if !slices.Contains(allowed, value) {
		c.fail(badRequest(param, codeInvalidValue, "Invalid value: '%s'. Supported values are: '%s'.", value, strings.Join(allowed, "', '")))
	}
}

func (c *checks) integer(param string, value *int, least, most int) {
	if value != nil {
		c.within(param, "integer", float64(*value), float64(least), float64(most))
	}
}

func (c *checks) decimal(param string, value *float64, least, most float64) {
	if value != nil {
		c.within(param, "decimal", *value, least, most)
	}
}

func (c *checks) within(param, kind string, value, least, most float64) {
	text := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	if value < least {
		c.fail(badRequest(param, kind+"_below_min_value", "Invalid '%s': %s below minimum value. Expected a value >= %s, but got %s instead.", param, kind, text(least), text(value)))
	}
	if value > most {
		c.fail(badRequest(param, kind+"_above_max_value", "Invalid '%s': %s above maximum value. Expected a value <= %s, but got %s instead.", param, kind, text(most), text(value)))
	}
}

func (c *checks) stop(stop Stop) {
	if len(stop) > 4 {
		c.fail(badRequest("stop", "array_above_max_length", "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length %d instead.", len(stop)))
	}
	for i, s := range stop {
		if s == "" {
			c.fail(InvalidValue(fmt.Sprintf("stop[%d]", i), "a stop sequence cannot be empty."))
		}
	}
}

func (c *checks) streamOptions(stream bool, options *StreamOptions) {
	if options != nil && !stream {
		c.fail(InvalidValue("stream_options", "'stream_options' is only allowed when 'stream' is enabled."))
	}
}

func (c *checks) extensions(e Extensions, seed *int64) {
	c.integer("top_k", e.TopK, -1, maxInteger)
	c.integer("min_tokens", e.MinTokens, 0, maxInteger)
	if seed != nil && e.RandomSeed != nil && *seed != *e.RandomSeed {
		c.fail(InvalidValue("random_seed", "'seed' and 'random_seed' are two names of one thing; give one of them."))
	}
	c.decimal("min_p", e.MinP, 0, 1)
	if e.RepetitionPenalty != nil && *e.RepetitionPenalty <= 0 {
		c.fail(InvalidValue("repetition_penalty", "it must be greater than 0."))
	}
}
