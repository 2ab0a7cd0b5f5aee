package strictjson_test

import (
	"errors"
	"fmt"

	"penstock/strictjson"
)

func ExampleDecode() {
	var request struct {
		Model    string `json:"model"`
		Messages []struct {
			Role    string `json:"role"`
			Content string `json:"content"`
		} `json:"messages"`
	}
	for _, body := range []string{
		`{"model": "m", "messages": [{"role": "user", "content": "hello"}]}`,
		`{"model": "m", "messages": [{"roll": "user"}]}`,
		`{"model": "m", "messages": [{"content": 7}]}`,
		`{"model": "m", "model": "n"}`,
		`{"model": `,
	} {
		err := strictjson.Decode([]byte(body), &request)
		e, ok := errors.AsType[*strictjson.Error](err)
		switch {
		case !ok:
			fmt.Println(request.Messages[0].Content)
		case e.Kind == strictjson.UnknownMember:
			fmt.Printf("%s: there is no %q, only %q\n", e.Path, e.Path.Last(), e.Known)
		case e.Kind == strictjson.WrongType:
			fmt.Printf("%s: expected %s, got %s\n", e.Path, e.Want, e.Got)
		default:
			fmt.Println(e)
		}
	}
	// Output:
	// hello
	// messages[0].roll: there is no "roll", only ["role" "content"]
	// messages[0].content: expected a string, got a number
	// member "model" is given twice
	// invalid JSON at byte 10
}
