package configs

import "slices"

// Compat names another server, for whose clients Penstock has that server's routes too.
type Compat string

// The servers.
const (
	CompatTruss     Compat = "truss"
	CompatSageMaker Compat = "sagemaker"
)

// UnmarshalText parses a server's name.
func (c *Compat) UnmarshalText(text []byte) error {
	*c = Compat(text)
	return OneOf(string(text), string(CompatTruss), string(CompatSageMaker))
}

// checkCompat reports other servers' routes that would lead to no model: their paths name none.
func (d *decoder) checkCompat(compat []Compat, models []Model) {
	if len(compat) == 0 || slices.ContainsFunc(models, func(m Model) bool { return m.Default }) {
		return
	}
	const path = "compat"
	d.problem(d.positionOf(path), path,
		"adds routes for the model with default: true, which no model of this file has")
}
