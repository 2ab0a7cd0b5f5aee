package dialect

import "encoding/json"

// errorObject is the member "object" of an error without an envelope, as vLLM writes it.
const errorObject = `"error"`

// reportsError reports whether the value of a member "error" says that something went wrong: some
// servers send the member with every event.
func reportsError(value []byte) bool {
	if len(value) == 0 || value[0] == 'n' || value[0] == 'f' {
		return false
	}
	return hasContent(value) || value[0] != '"' && value[0] != '{' && value[0] != '['
}

// ReportsError reports whether the body of a successful HTTP response is an error object all the
// same. Its error says why the body is not JSON.
func ReportsError(body []byte) (bool, error) {
	var e struct {
		Error  json.RawMessage `json:"error"`
		Object json.RawMessage `json:"object"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return false, err
	}
	// A whole response of /v1/responses has a member "error" too.
	return string(e.Object) == errorObject || reportsError(e.Error) && string(e.Object) != `"response"`, nil
}
