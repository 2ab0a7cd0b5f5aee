package engine

import "context"

// Composes registers a verb of the model whose result is put together from results of another of
// its verbs, part: compose calls run for each, one after the other. All is one Call, which holds
// one slot. Each run of part waits for a permit of its own, and is joined with other requests for
// part: a long request neither keeps the permit between its runs nor needs memory for all of them
// at once. Input and output are JSON for callers with bytes.
func Composes[In, Out, PartIn, PartOut any](
	m *Model, verb string, part *Prediction[PartIn, PartOut],
	compose func(ctx context.Context, in In, run func(context.Context, PartIn) (PartOut, error)) (Out, error),
) *Prediction[In, Out] {
	if part.verb.model != m {
		panic("engine: a composed verb and its part need to be of one model")
	}
	run := func(ctx context.Context, c *Call, in In) (out Out, err error) {
		err = guard(func() (err error) {
			out, err = compose(ctx, in, func(ctx context.Context, in PartIn) (PartOut, error) { return part.run(ctx, c, in) })
			return err
		})
		return out, err
	}
	return registerPrediction(m, verb, run, decodeInput[In], encodeOutput[Out])
}
