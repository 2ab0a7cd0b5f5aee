// Package web holds the playground: one page that shows what Penstock does and speaks to it as
// any other client would, over HTTP. Its files are embedded and served as they are; there is no
// build step.
//
//	http.FileServerFS(web.Files()) // index.html at /
//
// Every address in the page is relative, so it also works behind a proxy that puts it under a
// path. There is no inline script and no inline style, and nothing is loaded from elsewhere, so
// that it runs under a Content-Security-Policy as strict as
//
//	default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'
//
// The scripts are ES modules, one idea each: api.js speaks to the gateway, stream.js reads streams
// by EventSource and sse.js by fetch; models.js, picture.js (with labels.js and views.js), chat.js,
// gate.js and snippets.js are the parts of the page, and app.js puts them together.
//
// It never imports another room, and it has no way into the gateway but HTTP.
package web
