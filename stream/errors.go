package stream

import (
	"context"
	"errors"

	"penstock/apierr"
)

// Errors that callers of this package decide by, with errors.Is.
var (
	// ErrNotFound reports that no store holds a log of that id.
	ErrNotFound = errors.New("stream: no such log")
	// ErrGone reports that the log does not hold what a reader asks for.
	ErrGone = errors.New("stream: the log does not hold that event")
	// ErrEnded reports that the reader has had the terminal event: nothing more will come.
	ErrEnded = errors.New("stream: the reader has had the terminal event")
	// ErrSlowReader ends a reader for which too much has been kept.
	ErrSlowReader = errors.New("stream: the reader is too slow")
	// ErrUnavailable reports that a store could not be reached, for longer than Buffered waits if
	// it is to be written. It is the cause of an *apierr.Error with CodeLogUnavailable.
	ErrUnavailable = errors.New("stream: the log cannot be reached")
	// ErrUnsealed ends the readers of a stream whose end could not be stored: they get no
	// terminal event, and must not take what they have for the whole.
	ErrUnsealed = errors.New("stream: the end of the stream could not be stored")
	// ErrNoReader cancels a generation that has lost its last reader, or was canceled.
	ErrNoReader = errors.New("stream: the stream has no reader")
	// ErrFinished is the cause of the end of a producer's context once its stream has ended.
	ErrFinished = errors.New("stream: the generation is over")
)

// errSinkPanicked ends a reader whose sink has panicked while the producer sent to it.
var errSinkPanicked = errors.New("stream: the reader's sink has panicked")

// unavailable is the failure of a generation whose log cannot be written.
func unavailable(cause error) *apierr.Error {
	return &apierr.Error{
		Code:    apierr.CodeLogUnavailable,
		Message: "the stream could not be stored; start a new one",
		Cause:   errors.Join(ErrUnavailable, cause),
	}
}

// readerError gives what a log reports the form that clients see.
func readerError(ctx context.Context, err error) error {
	if _, known := errors.AsType[*apierr.Error](err); known {
		return err
	}
	switch {
	case errors.Is(err, ErrGone):
		return &apierr.Error{
			Code:    apierr.CodeGone,
			Message: "the stream no longer holds what comes next there; start a new one",
			Cause:   err,
		}
	case errors.Is(err, ErrEnded), errors.Is(err, ErrSlowReader):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	default:
		return &apierr.Error{
			Code:    apierr.CodeLogUnavailable,
			Message: "the stream cannot be read now; try again",
			Cause:   errors.Join(ErrUnavailable, err),
		}
	}
}
