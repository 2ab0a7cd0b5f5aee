// Package template turns a conversation into the text of a prompt, by the chat template (Jinja) that came with the model.
//
//	t, err := template.New(template.Options{Source: source, Variables: map[string]string{"bos_token": "<s>"}, Specials: specials})
//	parts, err := t.Render(ctx, []template.Message{{Role: "user", Content: "Hello"}}, time.Now())
//
// Two kinds of people are not trusted here. Who wrote the template gets a sandbox: no files (include, import and extends
// do not exist), only the filters and methods that chat templates need, and bounds on loops, depth, time, and the size of
// every value and of the prompt. Who wrote the messages cannot forge the model's special tokens: where a message spells
// one out, the part of the prompt it lies in comes back marked Literal, to be tokenized as the plain text it is.
//
// The package never tokenizes, never reads files, and knows no model's format by heart.
package template
