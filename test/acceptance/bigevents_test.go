package acceptance

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	test "penstock/llm/upstream/upstreamtest"
)

// Image models send events of 10 MB. A client that reads nothing until the upstream sends the
// third gets all of them, although each is larger than a stream's buffer.
func TestEventsOf10MB(t *testing.T) {
	const size = 10 << 20
	image := func(n int) string {
		return fmt.Sprintf(`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,%s"}}]},"finish_reason":null}]}`+"\n\n",
			strings.Repeat(string(rune('A'+n)), size))
	}
	begun := make(chan struct{}, 3)
	script := test.Script{}
	for n := range 3 {
		script = append(script, func(http.ResponseWriter, *http.Request) { begun <- struct{}{} }, test.Send(image(n)))
	}
	u := test.New(append(script, test.Send(test.Finish("m")), test.Send(test.Done)))
	c, _ := startUpstreams(t, u)
	res, err := c.Send(c.Context(), "POST", chatRoute, streamedChat)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for n := range 3 {
		select {
		case <-begun:
		case <-c.Context().Done():
			t.Fatalf("the upstream has sent %d events", n)
		}
	}
	body := bufio.NewReaderSize(res.Body, 64<<10)
	for n := range 3 {
		got, err := body.ReadString('\n')
		if err != nil || got+"\n" != image(n) {
			t.Fatalf("image %d comes as %d bytes: %v", n, len(got), err)
		}
		if _, err := body.ReadByte(); err != nil {
			t.Fatal(err)
		}
	}
	if rest, err := io.ReadAll(body); err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("the end is %q, %v", rest, err)
	}
}
