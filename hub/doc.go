// Package hub fetches a model from a Hugging Face hub, or from a mirror that speaks its API, into a folder.
//
//	c, err := hub.New(hub.Options{Endpoint: os.Getenv("HF_ENDPOINT"), Token: os.Getenv("HF_TOKEN")})
//	s, err := c.Snapshot(ctx, "Xenova/clip-vit-base-patch32", "main") // pinned to the commit that main is now
//	files, err := s.Choose(nil)                                       // what Penstock needs of it
//	err = c.Fetch(ctx, s, files, "models/clip")
//
// A file gets its name when its size and its checksum are what the hub's listing says, and the folder changes only once
// all of them have arrived: what was cut off is never taken for whole. Until then they lie in the folder .pull inside,
// each under its checksum, and the next Fetch goes on from there; what the folder holds already is not fetched again.
// One Fetch at a time works on a folder.
//
// The hub is not trusted with more than it needs: paths that would leave the folder are refused, whatever it sends is
// bounded by what it announced, and waiting for it has an end. The token goes to the endpoint's own scheme, host and port
// and nowhere else, not even to a subdomain that the endpoint sends us to.
//
// The package writes to no hub, keeps no cache of its own, opens no model, and reads no environment but the proxies that
// every Go program knows (HTTPS_PROXY and its like).
package hub
