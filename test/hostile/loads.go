package main

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// loads are the bodies that attackers send. They are made once.
type loads struct {
	size   int    // of bodies that are as large as they may be
	spaces []byte // a body of no use
	noise  []byte // bytes that are no picture
	prompt []byte // a request with a long one
	empty  []body // of empty values
	bombs  []body // pictures
}

// body is a body and where it goes.
type body struct {
	name, path, mediaType string
	text                  []byte
}

const (
	mediaJSON = "application/json"
	maxBody   = 20 << 20
)

func newLoads(small bool) (*loads, error) {
	l := &loads{size: maxBody}
	side, pictures := 16000, 2000
	if small {
		l.size, side, pictures = 200<<10, 2000, 20
	}
	l.spaces = bytes.Repeat([]byte(" "), l.size)
	l.noise = append([]byte("\xff\xd8\xff\xe0"), bytes.Repeat([]byte("\x00\xa5\x5a"), (l.size-4)/3)...)
	l.prompt = fmt.Appendf(nil, `{"max_tokens":4000,"prompt":%q}`, strings.Repeat("word after word ", l.size/64))
	l.empty = emptyBodies(l.size)
	bomb, err := pngOf(side)
	if err != nil {
		return nil, err
	}
	pixels, err := pngOf(1)
	if err != nil {
		return nil, err
	}
	huge, err := pngOf(1)
	if err != nil {
		return nil, err
	}
	copy(huge[16:24], []byte{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff}) // its size
	data := func(png []byte) string {
		return `{"image":"data:image/png;base64,` + base64.StdEncoding.EncodeToString(png) + `"}`
	}
	list := func(entry string, n int) []byte { return []byte("[" + strings.Repeat(entry+",", n-1) + entry + "]") }
	large, err := pngOf(side / 4)
	if err != nil {
		return nil, err
	}
	l.bombs = []body{
		{"large", predictPath, "image/png", bomb},
		{"size that it has not", predictPath, "image/png", huge},
		{"many", predictPath, mediaJSON, list(data(pixels), pictures)},
		{"many large ones", predictPath, mediaJSON, list(data(large), 30)},
	}
	return l, nil
}

// emptyBodies returns bodies of one empty value, repeated, for each route and list.
func emptyBodies(size int) []body {
	var all []body
	add := func(path, before, after string) {
		for _, value := range []string{"{},", "[],", `"",`, "0,"} {
			text := before + strings.Repeat(value, (size-len(before)-len(after)-4)/len(value)) + strings.TrimSuffix(value, ",") + after
			all = append(all, body{path + " " + before + value, path, mediaJSON, []byte(text)})
		}
	}
	add("/v1/chat/completions", `{"model":"gpt","messages":[`, `]}`)
	add("/v1/completions", `{"model":"gpt","prompt":[`, `]}`)
	add("/v1/responses", `{"model":"gpt","input":[`, `]}`)
	add("/v1/models/gpt:predict", `{"messages":[`, `]}`)
	add("/v1/models/gpt/stream", `{"messages":[`, `]}`)
	add("/v1/streams", `{"model":"gpt","input":{"messages":[`, `]}}`)
	add("/v1/embeddings", `{"model":"clip","input":[`, `]}`)
	add(predictPath, `[`, `]`)
	add(predictPath, `{"labels":[`, `]}`)
	add(predictPath, `{"urls":[`, `]}`)
	add("/v2/models/clip/infer", `{"inputs":[`, `]}`)
	add("/v2/models/clip/infer", `{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":[`, `]}]}`)
	return all
}

// pngOf returns a black picture of one bit for each pixel, which is small as a file.
func pngOf(side int) ([]byte, error) {
	var pixels bytes.Buffer
	z := zlib.NewWriter(&pixels)
	row := make([]byte, 1+(side+7)/8)
	for range side {
		if _, err := z.Write(row); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	png := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, data []byte) {
		png = binary.BigEndian.AppendUint32(png, uint32(len(data))) //nolint:gosec // it is small
		png = append(append(png, name...), data...)
		png = binary.BigEndian.AppendUint32(png, crc32.ChecksumIEEE(append([]byte(name), data...)))
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(side))                                //nolint:gosec // as above
	chunk("IHDR", append(binary.BigEndian.AppendUint32(head, uint32(side)), 1, 0, 0, 0, 0)) //nolint:gosec // as above
	chunk("IDAT", pixels.Bytes())
	chunk("IEND", nil)
	return png, nil
}
