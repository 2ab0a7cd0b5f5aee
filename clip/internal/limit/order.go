package limit

// A Rank is the position of a limit in the order in which limits are acquired, 1 or more.
type Rank int

// These are the limits that a picture passes on its way to the vision tower, in the order they are
// acquired. Before the first, the engine admits the request to a queue or refuses it, which is no
// wait; after the last is its gate. While a request waits at the gate it holds ImageBuffers and
// nothing else, and a run behind the gate acquires none of these: so the gate ranks above them all.
const (
	// ImageBuffers is memory for decoded pictures until their run. It is first because a request
	// needs all of it, and holds it the longest: while its pictures are fetched and decoded, while
	// it waits at the gate, and until the run has read them. There are two limits of this rank, and
	// a request acquires one: one for requests that bring all their pictures, one for those with
	// pictures to fetch. So the former never wait for the latter, nor for the hosts they wait for.
	ImageBuffers Rank = 1 + iota

	// FetchesPerHost is how many fetches run to one host. It is before Fetches so that those that
	// wait for a slow host hold nothing that fetches from other hosts need. It is held until the
	// body has arrived, a redirect has, or the fetch has timed out.
	FetchesPerHost

	// Fetches is how many fetches run in all, and so how many bodies are in memory. It is held
	// until the picture is decoded: a body is released no earlier.
	Fetches

	// Cores is how many pictures are decoded at one time.
	Cores

	// DecodeMemory is what the pictures being decoded take, in bytes. It is last, since a share of
	// it is held for the shortest time: from when decoding can begin at once until it is done.
	DecodeMemory
)
