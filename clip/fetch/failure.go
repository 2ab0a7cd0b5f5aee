package fetch

import (
	"context"
	"errors"
	"io"
	"net"

	"penstock/apierr"
	"penstock/contentcoding"
)

// failure explains why a request failed. Its error is a *temporary if the connection was reset.
func (f *Fetcher) failure(ctx, hopCtx context.Context, err error) error {
	e := f.explain(ctx, hopCtx, err)
	if ctx.Err() == nil && hopCtx.Err() == nil && isReset(err) {
		return &temporary{cause: e}
	}
	return e
}

func (f *Fetcher) explain(ctx, hopCtx context.Context, err error) error {
	var (
		e      *apierr.Error
		coding *contentcoding.Error
		slow   net.Error
		name   *net.DNSError
	)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &e): // no memory
		return e
	case errors.As(err, &coding) && errors.Is(err, contentcoding.ErrTooLarge):
		return f.tooLarge()
	case errors.As(err, &coding):
		e = apierr.InvalidInput(ReasonFailed, "the file is not what its Content-Encoding says it is: send the picture itself")
	// A name that does not exist and one inside this network get the same error: a client must not
	// learn which names there are.
	case errors.Is(err, errNotAllowed), errors.As(err, &name) && !name.IsTimeout:
		e = apierr.InvalidInput(ReasonAddressNotAllowed, "that address is not fetched from here: only public ones are, on ports 80 and 443, by names that exist; check it, or send the picture itself")
	case errors.Is(context.Cause(hopCtx), errTimeout), errors.As(err, &slow) && slow.Timeout():
		e = apierr.InvalidInput(ReasonTimeout, "the address took too long to answer: try again, or send the picture itself")
	case errors.Is(err, io.ErrUnexpectedEOF):
		e = apierr.InvalidInput(ReasonFailed, "the connection broke off before the whole file had come: try again")
	default:
		e = apierr.InvalidInput(ReasonFailed, "nothing could be fetched from the address: check that it is right and can be reached from everywhere")
	}
	e.Cause = err
	return e
}

func (f *Fetcher) tooLarge() error {
	return apierr.InvalidInput(ReasonTooLarge, "the file is larger than the %d KiB taken here: send a smaller one", f.options.MaxSize>>10)
}

func badURL(format string, args ...any) error {
	return apierr.InvalidInput(ReasonBadURL, format, args...)
}
