// Package hub downloads a model from a Hugging Face hub, or from a mirror with the same API, into a
// folder. New makes a Client, Client.Snapshot lists a repository at one commit, Snapshot.Choose
// picks the files that Penstock needs, and Client.Fetch downloads them. See the Example.
//
// A file gets its name only when its size and checksum are those of the hub's listing, and the
// folder changes only once all files have arrived. Until then they are staged in .pull inside the
// folder, each under its checksum. A later Fetch resumes there, and does not download files that
// the folder already holds. A lock keeps a second Fetch out of the folder.
//
// The hub is not trusted more than necessary: paths that would leave the folder are refused,
// downloads are bounded by the announced size, and every wait has a limit. The token is sent to the
// endpoint's own scheme, host and port only, not even to a subdomain that the endpoint redirects
// to.
//
// The package never writes to a hub, keeps no cache, opens no model, and reads no environment
// variables other than the proxy settings that net/http reads (HTTPS_PROXY and so on).
package hub
