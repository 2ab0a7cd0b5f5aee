package gateway

import (
	"bytes"
	"errors"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/contentcoding"
)

// contentCodings returns the codings of the request's body. They are checked before the body is
// read: none that is not known is waited for.
func contentCodings(c *gin.Context) (contentcoding.Codings, error) {
	codings, err := contentcoding.Parse(c.Request.Header["Content-Encoding"])
	if err != nil {
		return nil, unsupportedCoding(c, err.Error())
	}
	return codings, nil
}

func unsupportedCoding(c *gin.Context, what string) error {
	c.Header("Accept-Encoding", contentcoding.Supported)
	return &apierr.Error{
		Code: apierr.CodeUnsupportedMediaType, Reason: "unsupported_encoding",
		Message: what + ": send the body as it is, or in one of " + contentcoding.Supported,
	}
}

// decodeBody decodes a body that has come whole, so that what decoders take is not held while a
// client sends. The decoded body is bounded as others are, and so is what each coding yields: a
// small body that would become a large one is refused as soon as it exceeds the limit. All memory
// is reserved before it is allocated. From here on the request is one without a Content-Encoding.
func (g *Gateway) decodeBody(c *gin.Context, codings contentcoding.Codings, encoded []byte) ([]byte, error) {
	c.Request.Header.Del("Content-Encoding")
	if len(codings) == 0 || len(encoded) == 0 {
		return encoded, nil
	}
	held := g.heldOf(c)
	decoders := codings.Memory()
	if err := held.decode.Grow(c.Request.Context(), decoders); err != nil {
		return nil, err
	}
	defer held.decode.Shrink(decoders)

	r, err := codings.NewReader(bytes.NewReader(encoded), g.MaxBody)
	if err != nil {
		return nil, g.undecodable(err)
	}
	defer r.Close()
	body, err := g.readReserved(c, r, -1)
	if err != nil {
		return nil, g.undecodable(err)
	}
	held.body.Shrink(int64(cap(encoded)))
	if content := accessOf(c).content; content != nil {
		content.request.replace(body)
	}
	return body, nil
}

// undecodable returns the client's error of a body that was not decoded. One that is no
// contentcoding.Error is one already.
func (g *Gateway) undecodable(err error) error {
	failed, ok := errors.AsType[*contentcoding.Error](err)
	switch {
	case !ok:
		return err
	case errors.Is(err, contentcoding.ErrTooLarge):
		return &apierr.Error{Code: apierr.CodeBodyTooLarge, Message: "the body is decoded larger than the " + bytesOf(g.MaxBody) + " taken here", Cause: err}
	case errors.Is(err, contentcoding.ErrWindow):
		return &apierr.Error{
			Code: apierr.CodeInvalidInput, Reason: "bad_encoding", Cause: err,
			Message: "the body's " + failed.Coding + " needs a window of more than " + bytesOf(contentcoding.ZstdWindow) + ", which no sender may use over HTTP (RFC 9659): use a lower level, or no long mode",
		}
	}
	return &apierr.Error{
		Code: apierr.CodeInvalidInput, Reason: "bad_encoding", Cause: err,
		Message: "the body is not whole, valid " + failed.Coding + ", as its Content-Encoding says that it is",
	}
}
