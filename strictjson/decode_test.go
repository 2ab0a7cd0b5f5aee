package strictjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
)

type embedded struct {
	TopK *int `json:"top_k,omitzero"`
}

// either is a string, or a list of parts.
type either struct {
	text  string
	parts []part
}

type part struct {
	Type string `json:"type"`
	Size int8   `json:"size"`
}

func (e *either) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		return Decode(data, &e.text)
	case '[':
		return Decode(data, &e.parts)
	}
	return Mismatch("a string or an array of objects", TypeOf(data))
}

type message struct {
	embedded
	*part

	Name    string             `json:"name"`
	Plain   bool               // named as in Go
	Content either             `json:"content"`
	List    []either           `json:"list"`
	Bias    map[string]float64 `json:"bias"`
	Raw     json.RawMessage    `json:"raw"`
	Hidden  int                `json:"-"`
	private int
}

func TestDecode(t *testing.T) {
	var m message
	err := Decode([]byte(` {"name": "n", "top_k": 3, "Plain": true, "content": [{"type": "text", "size": -128}], "list": ["a"], "bias": {"1": 2}, "raw": {"any": [1]}} `), &m)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "n" || *m.TopK != 3 || !m.Plain || m.Content.parts[0] != (part{"text", -128}) || m.List[0].text != "a" || m.Bias["1"] != 2 || string(m.Raw) != `{"any": [1]}` || m.private != 0 {
		t.Errorf("decoded %+v", m)
	}
	m = message{}
	if err := Decode([]byte(`{"name": null, "top_k": null, "bias": null}`), &m); err != nil || m.Name != "" || m.TopK != nil || m.Bias != nil {
		t.Errorf("nulls: %+v, %v", m, err)
	}
}

func TestErrors(t *testing.T) {
	known := []string{"top_k", "type", "size", "name", "Plain", "content", "list", "bias", "raw"}
	for data, want := range map[string]Error{
		``:                      {Kind: Syntax},
		`{`:                     {Kind: Syntax, Offset: 1},
		`{"name": `:             {Kind: Syntax, Offset: 9, Path: Path{"name"}},
		`{"name": "n"} {}`:      {Kind: Syntax, Offset: 14},
		"{\"name\": \"a\xff\"}": {Kind: Syntax, Offset: 11, Path: Path{"name"}},
		`{"content": [{"type"]`: {Kind: Syntax, Offset: 20, Path: Path{"content", "0", "type"}},

		`{"name": "a", "name": "b"}`:                 {Kind: DuplicateMember, Offset: 14, Path: Path{"name"}},
		`{"bias": {"1": 1, "1": 2}}`:                 {Kind: DuplicateMember, Offset: 18, Path: Path{"bias", "1"}},
		`{"content": [{"type": "a", "type": "b"}]}`:  {Kind: DuplicateMember, Offset: 27, Path: Path{"content", "0", "type"}},
		`{"raw": {"any": {"a/b": 1, "a\u002fb": 2}}`: {Kind: DuplicateMember, Offset: 27, Path: Path{"raw", "any", "a/b"}},

		`{"nam": "n"}`:                           {Kind: UnknownMember, Offset: 1, Path: Path{"nam"}, Known: known},
		`{"Name": "n"}`:                          {Kind: UnknownMember, Offset: 1, Path: Path{"Name"}, Known: known},
		`{"private": 1}`:                         {Kind: UnknownMember, Offset: 1, Path: Path{"private"}, Known: known},
		`{"Hidden": 1}`:                          {Kind: UnknownMember, Offset: 1, Path: Path{"Hidden"}, Known: known},
		`{"content": [{"text": "a"}]}`:           {Kind: UnknownMember, Offset: 14, Path: Path{"content", "0", "text"}, Known: []string{"type", "size"}},
		`{"list": ["a", [{}, {"siz": 1}, "a"]]}`: {Kind: UnknownMember, Offset: 21, Path: Path{"list", "1", "1", "siz"}, Known: []string{"type", "size"}},

		`7`:                          {Kind: WrongType, Want: "an object", Got: "a number"},
		`[]`:                         {Kind: WrongType, Want: "an object", Got: "an array"},
		`{"name": 7}`:                {Kind: WrongType, Offset: 9, Path: Path{"name"}, Want: "a string", Got: "a number"},
		`{"top_k": 1.5}`:             {Kind: WrongType, Offset: 10, Path: Path{"top_k"}, Want: "an integer", Got: "a decimal"},
		`{"top_k": "1"}`:             {Kind: WrongType, Offset: 10, Path: Path{"top_k"}, Want: "an integer", Got: "a string"},
		`{"Plain": null, "list": 1}`: {Kind: WrongType, Offset: 24, Path: Path{"list"}, Want: "an array", Got: "a number"},
		`{"bias": {"1": true}}`:      {Kind: WrongType, Offset: 15, Path: Path{"bias", "1"}, Want: "a decimal", Got: "a boolean"},
		`{"content": 7}`:             {Kind: WrongType, Offset: 12, Path: Path{"content"}, Want: "a string or an array of objects", Got: "an integer"},
		`{"content": [{}, "a"]}`:     {Kind: WrongType, Offset: 17, Path: Path{"content", "1"}, Want: "an object", Got: "a string"},
		`{"list": ["a", {}]}`:        {Kind: WrongType, Offset: 15, Path: Path{"list", "1"}, Want: "a string or an array of objects", Got: "an object"},

		`{"top_k": 99999999999999999999}`: {Kind: OutOfRange, Offset: 10, Path: Path{"top_k"}},
		`{"content": [{"size": 128}]}`:    {Kind: OutOfRange, Offset: 22, Path: Path{"content", "0", "size"}},
	} {
		t.Run(data, func(t *testing.T) {
			got, ok := errors.AsType[*Error](Decode([]byte(data), new(message)))
			if !ok || got.Cause == nil || got.Error() == "" {
				t.Fatalf("got %v", got)
			}
			got.Cause = nil
			if !slices.Equal(got.Path, want.Path) {
				t.Errorf("path %q, not %q", got.Path, want.Path)
			}
			got.Path, want.Path = nil, nil
			if !reflect.DeepEqual(*got, want) {
				t.Errorf("got %+v, not %+v", *got, want)
			}
		})
	}
}

func TestPaths(t *testing.T) {
	for want, p := range map[string]Path{
		"":                    nil,
		"model":               {"model"},
		"messages[0].content": {"messages", "0", "content"},
		"0.url":               {"0", "url"},
		"input[1][2]":         {"input", "1", "2"},
		"a.-1":                {"a", "-1"},
	} {
		if got := p.String(); got != want {
			t.Errorf("%q is written %q, not %q", []string(p), got, want)
		}
	}
	if last := (Path{"a", "b"}).Last(); last != "b" {
		t.Errorf("the last step is %q", last)
	}
}

// FuzzDecode: any data is decoded, or the error has a kind and a position in it.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name": "n", "content": [{"type": "text"}], "list": ["a", []], "raw": null}`))
	f.Add([]byte(`{"content": [{"type": "a", "type": "b"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := Decode(data, new(message))
		if err == nil {
			if !json.Valid(data) {
				t.Error("it is not JSON")
			}
			return
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Kind < Syntax || e.Kind > OutOfRange || e.Offset < 0 || e.Offset > int64(len(data)) {
			t.Errorf("error %+v", err)
		}
	})
}
