//go:build browser

package web

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"penstock/test/server"
)

// Where the gateway needs a key the page asks for one, uses it for all it sends, and keeps it for
// its tab.
func TestPlaygroundWithAKey(t *testing.T) {
	const key = "psk_of-the-test"
	origin := server.Start(t, server.Options{Config: fmt.Sprintf(`
auth: {keys: [{name: web, sha256: "%x"}]}
models:
  - {name: clip, kind: clip, path: "ROOT/models/clip-tiny", labels: ["a photo of a cat", "a photo of a dog"]}
  - {name: smollm2, kind: onnx-llm, path: "ROOT/.penstock/models/smollm2-135m-instruct", max_tokens: 16}
`, sha256.Sum256([]byte(key)))}).URL
	p := open(t, origin, "/")
	p.forgive("401") // the browser logs every refused request as an error
	p.wait(t, `!document.querySelector("#key").hidden`)
	if pills := eval[int](t, p, `document.querySelectorAll(".pill").length`); pills != 0 {
		t.Errorf("without a key the page shows %d models", pills)
	}
	p.do(t, chromedp.SendKeys(chromedp.CSS("#key input"), "wrong\n"))
	eval[chromedp.Void](t, p, `document.querySelector("#key input").value = "";`)
	p.do(t, chromedp.SendKeys(chromedp.CSS("#key input"), key+"\n"))
	p.wait(t, bothReady)
	p.do(t, chromedp.Click(chromedp.ID("cat")))
	p.wait(t, `document.querySelector("#picture").dataset.state === "done"`)
	ask(t, p, "Why is the sky blue?") // read by an EventSource, which cannot send the key
	p.wait(t, ended)
	if state := eval[string](t, p, `document.querySelector(".turn:last-child").dataset.state`); state != "done" {
		t.Errorf("the answer is %s", state)
	}
	p.do(t, chromedp.Reload())
	p.wait(t, bothReady)
}
