// Package apierr defines the one error type that is shown to clients: a code from a closed set, a
// message that says what to do, and the cause, which only the log sees.
//
// Packages return an *Error where they know how a failure should be reported, and a plain error
// otherwise; From turns either into an *Error at the edge. Which HTTP status and which JSON shape
// an error has is the business of package dialect: this package knows neither HTTP nor any
// protocol.
package apierr
