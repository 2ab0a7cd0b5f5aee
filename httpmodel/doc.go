// Package httpmodel makes a model of an HTTP server, whatever it is written in.
package httpmodel
