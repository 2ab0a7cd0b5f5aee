package contentcoding_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"penstock/contentcoding"
)

func Example() {
	header := http.Header{"Content-Encoding": {"br"}}
	body := strings.NewReader("\x0b\x02\x80Hello\x03")

	codings, err := contentcoding.Parse(header["Content-Encoding"])
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := codings.NewReader(body, 1<<20)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	decoded, err := io.ReadAll(r)
	fmt.Println(string(decoded), err)
	// Output: Hello <nil>
}
