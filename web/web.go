package web

import (
	"embed"
	"io/fs"
)

//go:embed page
var page embed.FS

// Files returns the playground's files, index.html at the root.
func Files() fs.FS {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // only if the name is not a valid path
	}
	return files
}
