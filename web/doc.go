// Package web holds the playground: one page that shows what Penstock does, and uses it over HTTP
// as any other client. Its files are embedded and served as they are; there is no build step.
//
//	http.FileServerFS(web.Files()) // index.html at /
//
// Every address in the page is relative, so it also works behind a proxy that puts it under a
// path. There is no inline script and no inline style, and nothing is loaded from elsewhere, so
// that it runs under a Content-Security-Policy as strict as
//
//	default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'
//
// The scripts are ES modules, one idea each: api.js sends requests, stream.js reads streams with
// EventSource and sse.js with fetch; models.js, picture.js (with labels.js and views.js), chat.js,
// gate.js and snippets.js are the parts of the page, and app.js puts them together.
//
// It imports no other package, and reaches the gateway by HTTP only.
package web
