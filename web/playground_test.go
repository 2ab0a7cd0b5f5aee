//go:build browser

package web

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"penstock/test/server"
)

const bothReady = `document.querySelectorAll('.pill[data-state="ready"]').length === 2`

// The real binary with its built-in configuration, real models, a real browser.
func TestPlayground(t *testing.T) {
	origin := server.Start(t, server.Options{}).URL
	p := open(t, origin, "/")
	p.wait(t, bothReady)

	t.Run("a dropped picture of a cat is a cat", func(t *testing.T) {
		drop(t, p, "page/cat.jpg")
		p.wait(t, `document.querySelector("#picture").dataset.state === "done"`)
		best := eval[string](t, p, `document.querySelector(".labels .best input").value`)
		if best != "a photo of a cat" {
			t.Errorf("it is %s", best)
		}
		share := strings.TrimSuffix(eval[string](t, p, `document.querySelector(".labels .best output").value`), " %")
		if percent, err := strconv.ParseFloat(share, 64); err != nil || percent < 50 {
			t.Errorf("it is one by %s %%", share)
		}
	})

	t.Run("another label asks again", func(t *testing.T) {
		p.do(t, chromedp.Click(chromedp.ID("add")),
			chromedp.SendKeys(chromedp.CSS(".labels li:last-child input"), "a photo of a ship\n"))
		p.wait(t, `document.querySelectorAll(".labels output:not(:empty)").length === 4`)
	})

	t.Run("an address that must not be fetched is refused in words", func(t *testing.T) {
		p.do(t, chromedp.SendKeys(chromedp.CSS("#picture form input"), "http://127.0.0.1:1/cat.jpg\n"))
		p.wait(t, `document.querySelector("#picture").dataset.state === "failed"`)
		note := eval[string](t, p, `document.querySelector("#picture .note").textContent`)
		if note == "" || strings.Contains(note, "127.0.0.1") {
			t.Errorf("the refusal says %q", note)
		}
		p.forgive("400") // the browser logs every refused request as an error
	})

	t.Run("several pictures are looked at together, each by itself", func(t *testing.T) {
		broken := filepath.Join(t.TempDir(), "broken.png")
		if err := os.WriteFile(broken, []byte("no picture"), 0o600); err != nil {
			t.Fatal(err)
		}
		drop(t, p, "page/cat.jpg", "../clip/testdata/photos/cat_chelsea.png", broken)
		p.wait(t, `document.querySelector("#picture").dataset.state === "done"`)
		states := eval[[]string](t, p, `[...document.querySelectorAll(".cards > li")].map((card) => card.dataset.state)`)
		if !slices.Equal(states, []string{"done", "done", "failed"}) {
			t.Errorf("the cards are %v", states)
		}
		best := eval[[]string](t, p, `[...document.querySelectorAll(".bars .best span")].map((label) => label.textContent)`)
		if !slices.Equal(best, []string{"a photo of a cat", "a photo of a cat"}) {
			t.Errorf("they are %q", best)
		}
		if shares := eval[int](t, p, `document.querySelectorAll(".bars output:not(:empty)").length`); shares != 8 {
			t.Errorf("%d bars for two pictures and four labels", shares)
		}
		p.forgive("400")
		p.do(t, chromedp.Click(chromedp.ID("cat")))
		p.wait(t, `document.querySelector(".cards").hidden && document.querySelector(".labels .best output:not(:empty)") !== null`)
	})

	t.Run("an answer arrives token by token", func(t *testing.T) {
		eval[chromedp.Void](t, p, `globalThis.states = new Set();
			new MutationObserver(() => states.add(document.querySelector(".turn")?.dataset.state))
				.observe(document.querySelector("#log"), { subtree: true, childList: true, attributes: true, characterData: true });`)
		p.do(t, chromedp.Click(chromedp.CSS("#chat details summary")),
			chromedp.SendKeys(chromedp.CSS("input[name=max_tokens]"), "24"),
			chromedp.SendKeys(chromedp.CSS("#chat textarea"), "Tell me a story about a river.\n"))
		p.wait(t, `["done", "failed", "cut", "stopped"].includes(document.querySelector(".turn")?.dataset.state)`)
		states := eval[[]string](t, p, `[...states]`)
		if last := states[len(states)-1]; last != "done" || !strings.Contains(strings.Join(states, " "), "streaming") {
			t.Errorf("the answer went through %v", states)
		}
		if answer := eval[string](t, p, `document.querySelector(".answer").textContent`); answer == "" {
			t.Error("the answer is empty")
		}
		if state := eval[string](t, p, `document.querySelector(".turn .state").textContent`); !strings.Contains(state, "tokens · ") {
			t.Errorf("below the answer stands %q", state)
		}
	})

	t.Run("stop stops, and the permit comes back", func(t *testing.T) {
		p.do(t, chromedp.SetValue(chromedp.CSS("input[name=max_tokens]"), "2000"),
			chromedp.SendKeys(chromedp.CSS("#chat textarea"), "Write a very long story about the sea.\n"))
		p.wait(t, `document.querySelector(".turn:last-child").dataset.state === "streaming"`)
		p.do(t, chromedp.Click(chromedp.ID("stop")))
		p.wait(t, `document.querySelector(".turn:last-child").dataset.state === "stopped"`)
		p.wait(t, `document.querySelector("#gate-words").textContent === "0 of 5 permits in use"`)
	})
}

// The contract's plain EventSource, as one would type it into the page's console.
func TestEventSource(t *testing.T) {
	p := open(t, server.Start(t, server.Options{}).URL, "/")
	p.wait(t, bothReady)
	type outcome struct {
		Text    string
		Opened  int
		Done    int
		Reason  string
		IDs     []string
		Started int
	}
	// Nothing calls close(): only the gateway's response to the reconnection ends it.
	got := eval[outcome](t, p, `new Promise((resolve) => {
		const source = new EventSource("v1/models/smollm2/stream?max_tokens=12&prompt=" + encodeURIComponent("Tell me about rivers."));
		const seen = { Text: "", Opened: 0, Started: 0, Done: 0, Reason: "", IDs: [] };
		source.onopen = () => seen.Opened++;
		source.onmessage = (event) => {
			seen.Text += JSON.parse(event.data).text;
			seen.IDs.push(event.lastEventId);
		};
		source.addEventListener("started", () => seen.Started++);
		source.addEventListener("done", (event) => {
			seen.Done++;
			seen.Reason = JSON.parse(event.data).reason;
		});
		source.onerror = () => source.readyState === EventSource.CLOSED && resolve(seen);
	})`)
	if got.Opened != 1 || got.Started != 1 || got.Done != 1 || got.Text == "" || got.Reason == "" {
		t.Errorf("EventSource saw %+v", got)
	}
	for i, id := range got.IDs {
		if !strings.HasSuffix(id, "-"+strconv.Itoa(i+1)) {
			t.Errorf("chunk %d has the id %s", i+1, id)
		}
	}
}

// README.md's lines for a browser's console, with this server's address for theirs.
func TestEventSourceOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	snippet := regexp.MustCompile("(?ms)^```js test\n(.*?)^```").FindSubmatch(readme)
	if snippet == nil {
		t.Fatal("README.md has no js to run")
	}
	origin := server.Start(t, server.Options{}).URL
	p := open(t, origin, "/")
	p.wait(t, bothReady)
	eval[chromedp.Void](t, p, `globalThis.logged = ""; console.log = (text) => { logged += text; }`)
	eval[chromedp.Void](t, p, strings.ReplaceAll(string(snippet[1]), "http://127.0.0.1:8080", origin)+"; undefined")
	p.wait(t, `source.readyState === EventSource.CLOSED`)
	if text := eval[string](t, p, `logged`); len(text) < 20 {
		t.Errorf("the console shows %q", text)
	}
}

// drop drags files from outside the browser onto the page.
func drop(t *testing.T, p *tab, paths ...string) {
	t.Helper()
	var files []string
	for _, path := range paths {
		file, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, kind := range []input.DispatchDragEventType{
		input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop,
	} {
		p.do(t, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, target, input.DispatchDragEvent, input.DispatchDragEventParams{
				Type: kind, X: 300, Y: 350,
				Data: &input.DragData{Items: []*input.DragDataItem{}, Files: files, DragOperationsMask: 1},
			})
			return chromedp.Void{}, err
		})
	}
}
