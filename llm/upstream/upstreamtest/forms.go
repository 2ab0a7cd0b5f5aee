package upstreamtest

import "net/http"

// formFaults are the responses that have another form than the one that was requested, or than the
// one that they are labelled as.
func formFaults(model string) []Fault {
	var (
		whole    = Completion(model)
		events   = Role(model) + Token(model, 0) + Finish(model) + Usage(model) + Done
		two      = Send(Token(model, 0) + Token(model, 1))
		half     = Together(Answer(http.StatusOK, whole[:len(whole)/2]), Send(""))
		failed   = `data: {"error":{"message":"this is overloaded","type":"server_error","param":null,"code":"overloaded"}}` + "\n\n"
		asStream = []string{"Content-Type", "text/event-stream"}
		cut      = refuses(http.StatusBadGateway, "upstream_cut")
		succeeds = Result{Status: http.StatusOK}
	)
	return []Fault{
		{Name: "JSON in place of a stream", Converted: true, Streamed: Script{Answer(200, whole)}, Sees: streams(4, ""), Attempts: once("ok")},
		{Name: "JSON in place of a stream, declared as a stream", Converted: true, Streamed: Script{Answer(200, whole, asStream...)}, Sees: streams(4, ""), Attempts: once("ok")},
		{Name: "JSON in place of a stream, cut", Streamed: Script{half, Cut}, Sees: cut, Attempts: twice("cut")},
		{Name: "a clean end in JSON in place of a stream", Streamed: Script{half}, Sees: cut, Attempts: twice("cut")},
		{Name: "a stream declared as JSON", Streamed: Script{Answer(200, events)}, Sees: streams(4, ""), Attempts: once("ok")},
		{Name: "a stream declared as nothing", Streamed: Script{Answer(200, events, "Content-Type", "")}, Sees: streams(4, ""), Attempts: once("ok")},
		{Name: "JSON declared as a stream", Whole: Script{Answer(200, whole, asStream...)}, SeesWhole: succeeds, WholeAttempts: once("ok")},
		{Name: "a stream in place of JSON", Converted: true, Whole: Script{Send(events)}, SeesWhole: succeeds, WholeAttempts: once("ok")},
		{Name: "a stream in place of JSON, declared as JSON", Converted: true, Whole: Script{Answer(200, events)}, SeesWhole: succeeds, WholeAttempts: once("ok")},
		{Name: "a stream in place of JSON, cut", Whole: Script{two, Cut}, SeesWhole: cut, WholeAttempts: twice("cut")},
		{Name: "a clean end between events in place of JSON", Whole: Script{two}, SeesWhole: cut, WholeAttempts: twice("cut")},
		{Name: "an error event in place of JSON", Whole: Script{two, Send(failed)}, SeesWhole: own(502, "upstream_error"), WholeAttempts: twice("error")},
	}
}
