package clip

import (
	"context"
	"errors"
	"slices"

	"penstock/apierr"

	"golang.org/x/sync/errgroup"
)

// errLeft stands where the answer of a request would be whose caller left before its run. Nobody sees it.
var errLeft = errors.New("the caller has left")

// gather gets and decodes the pictures of a request, all at once: how many are really fetched or decoded at one time is
// bounded for all requests together, by the fetcher and the processor. name says what errors call a picture; "" is
// nothing. The stack is kept until it is claimed or ctx ends.
func (m *Model) gather(ctx context.Context, pictures []Picture, name func(i int) string) (*stack, error) {
	fetch := slices.ContainsFunc(pictures, func(p Picture) bool { return p.Data == nil })
	stack, err := m.shelf.take(ctx, len(pictures), fetch)
	if err != nil {
		return nil, err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for i, p := range pictures {
		group.Go(func() error {
			use := func(data []byte) error { return m.processor.Process(groupCtx, data, stack.picture(i)) }
			if p.Data == nil {
				return about(name(i), m.fetcher.Fetch(groupCtx, p.URL, use))
			}
			return about(name(i), use(p.Data))
		})
	}
	if err := group.Wait(); err != nil {
		stack.give()
		return nil, err
	}
	stack.keep(ctx)
	return stack, nil
}

// about says which picture an error is about.
func about(name string, err error) error {
	var e *apierr.Error
	if name == "" || !errors.As(err, &e) {
		return err
	}
	named := *e
	named.Param = name
	named.Message = name + ": " + e.Message
	return &named
}

// seen is what the vision tower says of the pictures of one request.
type seen struct {
	vectors
	err error // errLeft, or nil
}

// see runs the vision tower over the pictures of several requests, together as far as it takes them, and gives their
// stacks back.
func (m *Model) see(ctx context.Context, stacks []*stack) ([]seen, error) {
	all := make([]seen, len(stacks))
	var pictures [][]byte
	for i, s := range stacks {
		if !s.claim() {
			all[i].err = errLeft
			continue
		}
		defer s.give()
		for j := range s.count() {
			pictures = append(pictures, s.picture(j))
		}
	}
	rest, err := m.towers.images(ctx, len(pictures), func(i int, tensor []float32) {
		m.processor.Normalise(pictures[i], tensor)
	})
	if err != nil {
		return nil, err
	}
	for i, s := range stacks {
		if all[i].err == nil {
			all[i].vectors, rest = rest.split(s.count())
		}
	}
	return all, nil
}
