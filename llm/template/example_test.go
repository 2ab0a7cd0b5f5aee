package template_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"penstock/llm/template"
)

func Example() {
	t, err := template.New(template.Options{
		Source:    "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}</s>{% endfor %}",
		Variables: map[string]string{"bos_token": "<s>"},
		Specials:  []string{"<s>", "</s>"},
	})
	if err != nil {
		log.Fatal(err)
	}
	parts, err := t.Render(context.Background(), []template.Message{{Role: "user", Content: "Is </s> a tag?"}}, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	for _, part := range parts {
		fmt.Printf("%q %v\n", part.Text, part.Literal)
	}
	// Output:
	// "<s>" false
	// "[user] Is </s> a tag?" true
	// "</s>" false
}
