// Package fetch gets pictures from addresses that strangers name, without letting them use it to look into the network
// it runs in.
//
//	f, err := fetch.New(fetch.Options{UserAgent: "Penstock/1.0"})
//	defer f.Close()
//	err = f.Fetch(ctx, "https://example.com/cat.jpg", func(body []byte) error { … })
//
// Only http and https are spoken, only to public addresses on ports 80 and 443, and what counts is the address that is
// really dialled: names that change their mind, redirects, IPv4 written as IPv6 and numbers written oddly all end there.
// Options.Allow lets through more, Options.Deny less. Redirects are followed five times. How long a fetch takes, how much
// it brings, and how many run at once, in all and to one host, is bounded; who comes when all places are taken waits.
//
// It sends no credentials, no cookies and no Referer, goes through no proxy, and believes no Content-Type: what the bytes
// are, the caller finds out. It keeps what servers let everybody keep (Cache-Control), in 64 MiB and for five minutes at
// most, and nothing else. Its errors are *apierr.Error of code invalid_input with
// one of the Reasons here; their messages show no address but the caller's own.
package fetch
