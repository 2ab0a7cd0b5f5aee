// Package repo tests the repository itself: which package may import which, and how files are
// written. It has tests only.
package repo
