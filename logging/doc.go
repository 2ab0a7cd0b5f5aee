// Package logging writes a process's log without ever waiting for it. A log line is formatted where
// it is logged and put into a queue of bounded size; a goroutine of the Log's own writes it. If what
// reads the log is stuck, as a full pipe is, the queue fills, and further lines are dropped and
// counted; once the log is read again, a line says how many are missing. If it is closed, lines are
// dropped and counted too.
//
// The package never blocks a goroutine that logs, and never ends the process. A write to a closed
// standard error would, by SIGPIPE: a program that passes os.Stderr ignores that signal.
package logging
