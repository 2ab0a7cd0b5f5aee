// Package logging writes a process's log without making any request wait for it. A line is
// formatted where it is logged and put into a queue of bounded size; a goroutine of the Log's own
// writes it. If the log is not read, as a pipe that is full, the queue fills, and further lines
// are dropped and counted; once the log is read again, a line has their number. If it is closed,
// lines are dropped and counted too.
//
// The package never blocks a goroutine that logs, and never ends the process. A write to a closed
// standard error would, by SIGPIPE: a program that passes os.Stderr ignores that signal.
package logging
