// Package template renders a conversation as a prompt with the chat template (Jinja) of a model.
// New parses a template, and Template.Render returns the prompt in parts. See the Example.
//
// Neither templates nor messages are trusted. A template runs in a sandbox: it can read no files
// (include, import and extends do not exist), has only the filters and methods that chat templates
// need, and is bounded in loops, nesting, time, and the size of every value and of the prompt. A
// message cannot forge the model's special tokens: where a message spells one out, the part of the
// prompt around it is marked Literal, to be tokenized as plain text.
//
// The package does not tokenize, reads no files, and has no built-in knowledge of any model's
// format.
package template
