// Package examples tests the modules in the folder examples: each is built where it is, as a reader
// of it would, and then used. It has tests only.
package examples
