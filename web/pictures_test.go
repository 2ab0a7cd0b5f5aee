//go:build browser

package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"penstock/test/server"
)

// pictureServer is a web server elsewhere, which has one picture.
func pictureServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/cat.jpg" {
			http.NotFound(w, r)
			return
		}
		http.ServeFile(w, r, "page/cat.jpg")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A playground with CLIP alone, which may fetch from this machine.
func startPictures(t *testing.T) *tab {
	t.Helper()
	p := server.Start(t, server.Options{
		Config: "models: [{name: clip, kind: clip, path: ROOT/models/clip-tiny, labels: [cat, dog], fetch: {allow: [127.0.0.1]}}]\n",
	})
	page := open(t, p.URL, "/")
	page.wait(t, `document.querySelectorAll('.pill[data-state="ready"]').length === 1`)
	return page
}

func TestPlaygroundTakesPicturesFromElsewhere(t *testing.T) {
	p := startPictures(t)
	p.do(t, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		// Only a page that has the focus may fill the clipboard.
		_, err := cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		if err != nil {
			return chromedp.Void{}, err
		}
		_, err = cdp.Call(ctx, target, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: "clipboard-write"}, Setting: browser.PermissionSettingGranted,
		})
		return chromedp.Void{}, err
	})

	t.Run("a picture is pasted", func(t *testing.T) {
		eval[chromedp.Void](t, p, `(async () => {
			const bitmap = await createImageBitmap(await (await fetch("cat.jpg")).blob());
			const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
			canvas.getContext("2d").drawImage(bitmap, 0, 0);
			const png = await canvas.convertToBlob({ type: "image/png" });
			await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
		})()`)
		paste(t, p)
		p.wait(t, `document.querySelector("#picture").dataset.state === "done"`)
		if best := eval[string](t, p, `document.querySelector(".labels .best input").value`); best != "a photo of a cat" {
			t.Errorf("it is %s", best)
		}
	})

	t.Run("several addresses are fetched, each by itself", func(t *testing.T) {
		origin := pictureServer(t)
		eval[chromedp.Void](t, p, fmt.Sprintf(`navigator.clipboard.writeText("%s/cat.jpg?first  %[1]s/missing.jpg\n%[1]s/cat.jpg?second")`, origin))
		p.do(t, chromedp.Focus(chromedp.CSS("#picture form input")))
		paste(t, p) // text stays where it goes: in the field
		p.do(t, chromedp.SendKeys(chromedp.CSS("#picture form input"), "\n"))
		p.wait(t, `document.querySelectorAll(".cards > li").length === 3 && document.querySelector("#picture").dataset.state === "done"`)
		p.forgive("400") // the browser logs every refused request as an error
		states := eval[[]string](t, p, `[...document.querySelectorAll(".cards > li")].map((card) => card.dataset.state)`)
		if !slices.Equal(states, []string{"done", "failed", "done"}) {
			t.Errorf("the cards are %v", states)
		}
		names := eval[[]string](t, p, `[...document.querySelectorAll(".cards .name")].map((name) => name.textContent)`)
		if !slices.Equal(names, []string{"cat.jpg", "missing.jpg", "cat.jpg"}) {
			t.Errorf("they are called %v", names)
		}
		best := eval[[]string](t, p, `[...document.querySelectorAll(".bars .best span")].map((label) => label.textContent)`)
		if !slices.Equal(best, []string{"a photo of a cat", "a photo of a cat"}) {
			t.Errorf("they are %q", best)
		}
		if note := eval[string](t, p, `document.querySelectorAll(".cards .note")[1].textContent`); !strings.Contains(note, "404") {
			t.Errorf("the missing one says %q", note)
		}
		if note := eval[string](t, p, `document.querySelector("#picture .foot .note").textContent`); !strings.HasSuffix(note, ", 1 failed") {
			t.Errorf("the whole says %q", note)
		}
	})
}

// paste is Ctrl+V.
func paste(t *testing.T, p *tab) {
	t.Helper()
	for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
		p.do(t, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			params := input.DispatchKeyEventParams{Type: kind, Key: "v", Code: "KeyV", Modifiers: 2, WindowsVirtualKeyCode: 'V'}
			if kind == input.DispatchKeyEventTypeRawKeyDown {
				params.Commands = []string{"paste"}
			}
			_, err := cdp.Call(ctx, target, input.DispatchKeyEvent, params)
			return chromedp.Void{}, err
		})
	}
}
