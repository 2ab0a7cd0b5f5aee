package kinds

import (
	"fmt"
	"strings"

	"penstock/configs"
)

// CheckName implements configs.Patterned: of a model whose name is a pattern an upstream's model
// may have the * that stands for what the name's * matched.
func (o OpenAIOptions) CheckName(name configs.Name, report func(key, problem string)) {
	for i, upstream := range o.Upstreams {
		key := fmt.Sprintf("upstreams[%d].model", i)
		switch stars := strings.Count(upstream.Model, "*"); {
		case stars > 0 && !name.IsPattern():
			report(key, fmt.Sprintf("must not have a *, which stands for what the * of the name matched: %s has none", name))
		case stars > 1:
			report(key, "must have one * at most, which stands for what the * of the name matched")
		}
	}
}

// upstreamModel returns an upstream's name for a model for which the configuration gives none: the
// model's own, or what the * of its name matched.
func upstreamModel(name string) string {
	if configs.Name(name).IsPattern() {
		return "*"
	}
	return name
}
