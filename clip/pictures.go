package clip

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"penstock/apierr"
	"penstock/clip/internal/limit"
)

// errCanceled is the result of a request that was canceled before its run.
var errCanceled = errors.New("the request was canceled before its run")

// gather fetches and decodes the pictures of a request, all at once: how many are fetched or
// decoded at one time is bounded for all requests together (see limits). name is how errors refer
// to a picture; "" omits that. The buffer must be claimed before it is used; if ctx ends first, it
// is released.
func (m *Model) gather(ctx context.Context, pictures []Picture, name func(i int) string) (*imageBuffer, error) {
	pictures, err := inline(pictures, name)
	if err != nil {
		return nil, err
	}
	fetch := slices.ContainsFunc(pictures, func(p Picture) bool { return p.Data == nil })
	request := new(limit.Holder)
	buffer, err := m.buffers.acquire(ctx, request, len(pictures), fetch)
	if err != nil {
		return nil, err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for i, p := range pictures {
		group.Go(func() error {
			holder := request.Child()
			use := func(data []byte) error {
				return m.processor.Process(groupCtx, holder, data, buffer.picture(i))
			}
			if p.Data == nil {
				return errorIn(name(i), m.fetcher.Fetch(groupCtx, holder, p.URL, use))
			}
			return errorIn(name(i), use(p.Data))
		})
	}
	if err := group.Wait(); err != nil {
		buffer.release()
		return nil, err
	}
	buffer.releaseAfter(ctx)
	return buffer, nil
}

// inline decodes the data URLs among the addresses of pictures: there is nothing to fetch.
func inline(pictures []Picture, name func(i int) string) ([]Picture, error) {
	pictures = slices.Clone(pictures)
	for i, p := range pictures {
		if p.Data != nil {
			continue
		}
		data, ok, err := decodeDataURL(p.URL)
		if e, failed := errors.AsType[*apierr.Error](err); failed {
			e.Param = "url"
			return nil, errorIn(name(i), e)
		}
		if ok {
			pictures[i] = Picture{Data: data}
		}
	}
	return pictures, nil
}

// errorIn adds to an error which picture it is about.
func errorIn(name string, err error) error {
	var e *apierr.Error
	if name == "" || !errors.As(err, &e) {
		return err
	}
	named := *e
	named.Param = name
	named.Message = name + ": " + e.Message
	return &named
}

// embeddedPictures are the vectors of one request's pictures.
type embeddedPictures struct {
	vectors
	err error // errCanceled, or nil
}

// embedPictures runs the vision tower over the pictures of several requests, as many at one time as
// it takes, and releases their buffers.
func (m *Model) embedPictures(ctx context.Context, buffers []*imageBuffer) ([]embeddedPictures, error) {
	all := make([]embeddedPictures, len(buffers))
	var pictures [][]byte
	for i, b := range buffers {
		if !b.claim() {
			all[i].err = errCanceled
			continue
		}
		defer b.release()
		for j := range b.count() {
			pictures = append(pictures, b.picture(j))
		}
	}
	rest, err := m.towers.images(ctx, len(pictures), func(i int, tensor []float32) {
		m.processor.Normalise(pictures[i], tensor)
	})
	if err != nil {
		return nil, err
	}
	for i, b := range buffers {
		if all[i].err == nil {
			all[i].vectors, rest = rest.split(b.count())
		}
	}
	return all, nil
}
