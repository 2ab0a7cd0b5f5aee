// Package field tries Penstock with whole programs that people point at such servers: litellm's
// SDK, Codex, NVIDIA's tritonclient, KServe's client, GuideLLM and aiperf. They are large, so the
// tests, behind the build tag field, are no part of continuous integration: `make field` installs
// the programs, in versions pinned here, and runs everything.
//
// Each program is run as its users run it, against a running ./penstock with the local SmolLM2, a
// CLIP and a relayed upstream, by a short script that ends with an error if anything is not as it
// must be.
package field
