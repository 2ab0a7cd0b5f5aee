// Package regular opens regular files and refuses everything else: opening a named pipe waits for a
// writer that may never come, and a device may have no end.
//
//	data, err := regular.ReadFile(path)
//
// It is what files that a user names are opened with: configurations, models, keys. Symbolic links
// are followed. An error is an *fs.PathError, as package os returns it; of a file that is not
// regular it says what the file is.
//
// The package bounds no size, and it never waits.
package regular
