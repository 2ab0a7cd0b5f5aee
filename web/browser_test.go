//go:build browser

package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// What the page shows is looked at this often; nothing takes nearly as long as hang.
const (
	pollEvery = 20 * time.Millisecond
	hang      = time.Minute
)

// tab is a page in Chromium that keeps what it complains about.
type tab struct {
	context.Context

	mu         sync.Mutex
	complaints []string
	forgiven   []string
}

// open starts Chromium and opens a page of the server at origin. When the test ends, whatever the
// page wrote to its console as a warning or an error, and every request that it sent to another
// origin, is a failure.
func open(t *testing.T, origin, path string, more ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	options := append(slices.Concat(chromedp.DefaultExecAllocatorOptions[:], more),
		chromedp.NoSandbox, // containers and CI run as root
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1280, 1000),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	p := &tab{Context: ctx}
	t.Cleanup(func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, complaint := range p.complaints {
			if !slices.ContainsFunc(p.forgiven, func(words string) bool { return strings.Contains(complaint, words) }) {
				t.Error(complaint)
			}
		}
	})
	err := chromedp.Listen(ctx, func(event any) { p.watch(event, origin) })
	if err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	p.do(t, chromedp.Navigate(origin+path))
	return p
}

func (p *tab) watch(event any, origin string) {
	var complaint string
	switch event := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if event.Type == runtime.ConsoleAPICalledTypeError || event.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, arg := range event.Args {
				complaint += fmt.Sprintf("console.%s: %s%s ", event.Type, arg.Value, arg.Description)
			}
		}
	case *runtime.EventExceptionThrown:
		complaint = "uncaught: " + event.ExceptionDetails.Text
		if event.ExceptionDetails.Exception != nil {
			complaint += " " + event.ExceptionDetails.Exception.Description
		}
	case *log.EventEntryAdded:
		if event.Entry.Level == log.EntryLevelError || event.Entry.Level == log.EntryLevelWarning {
			complaint = fmt.Sprintf("the browser logged: %s %s", event.Entry.Text, event.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		url := event.Request.URL
		if !strings.HasPrefix(url, origin+"/") && !strings.HasPrefix(url, "blob:"+origin+"/") {
			complaint = "the page asked for " + url
		}
	}
	if complaint == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, complaint)
}

func (p *tab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(p, steps...); err != nil {
		t.Fatal(err)
	}
}

// forgive drops the complaints that hold words, those that are yet to come too: what the test
// provoked itself.
func (p *tab) forgive(words string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgiven = append(p.forgiven, words)
}

// wait waits until a JavaScript expression is true.
func (p *tab) wait(t *testing.T, expression string) {
	t.Helper()
	// With an interval, since a page that is not visible gets no animation frames.
	_, err := chromedp.Run(p, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(pollEvery), chromedp.WithPollingTimeout(hang)))
	if err != nil {
		now, _ := chromedp.Run(p, chromedp.Evaluate[string]("document.body.innerText"))
		t.Fatalf("waiting for %s: %v\nthe page says:\n%s", expression, err, now)
	}
}

// eval evaluates a JavaScript expression, a promise too, and decodes what comes of it.
func eval[T any](t *testing.T, p *tab, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(p, hang)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("evaluating %s: %v", expression, err)
	}
	return value
}
