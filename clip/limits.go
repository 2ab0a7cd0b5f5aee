package clip

import "penstock/clip/internal/limit"

// limits returns the state of all that a picture may wait for before it waits at the gate, in the
// order it is acquired:
//
//	rank            name                   bounds                          held until
//	ImageBuffers    image_buffers          bytes of decoded pictures, of   the run has read them
//	                                       requests that bring all theirs
//	                image_buffers_fetched  the same, of other requests     the run has read them
//	FetchesPerHost  fetches_per_host       fetches to one host             the body has arrived
//	Fetches         fetches                fetches, bodies in memory       the picture is decoded
//	Cores           cores                  pictures being decoded          the picture is decoded
//	DecodeMemory    decode_memory          bytes that decoding takes       the picture is decoded
//
// The engine bounds the rest. It admits a request to the gate's queue, or refuses it, before all of
// these. The gate comes after them, and a run behind it acquires none. Package limit shows why
// requests in this order cannot block each other for ever, and panics in any other; gather, the one
// place where the order starts, has a Holder for each request and a Child of it for each picture.
func (m *Model) limits() []limit.Snapshot {
	all := []limit.Snapshot{m.buffers.brought.Snapshot(), m.buffers.fetched.Snapshot()}
	all = append(all, m.fetcher.Limits()...)
	return append(all, m.processor.Limits()...)
}

// A Limit is the state of one of a model's limits: how much it allows, how much of that is in use,
// and how many requests wait for it.
type Limit struct {
	Name            string
	Capacity, InUse int64
	Waiting         int
}

// Limits returns the state of the limits of a loaded model, and nothing before it is loaded.
func (m *Model) Limits() (all []Limit) {
	if !m.loaded.Load() {
		return nil
	}
	for _, s := range m.limits() {
		all = append(all, Limit{s.Name, s.Capacity, s.InUse, s.Waiting})
	}
	return all
}
