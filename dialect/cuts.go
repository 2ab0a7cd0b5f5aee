package dialect

// cuts are the members of a chunk that are taken out of it, each with the comma that it leaves
// over: the one before it, or, if every member before it is cut too, the one after it.
type cuts struct {
	list []cut // in their order

	before, begin int  // of the current member: the end of the one before it, and its own begin
	any, kept     bool // there is a member before it, and one that is not cut
	isCut         bool // the current member is
	errors        bool // a member "error" is
}

// cut is bytes from start up to, not including, end.
type cut struct {
	start, end int
	open       bool // it ends where the next member begins, if there is one
	usage      bool // it is a member "usage"
	tail       int  // bytes from start to the chunk's end, if it is anchored there; else 0
}

// reset begins another chunk.
func (c *cuts) reset() { *c = cuts{list: c.list[:0]} }

// next begins another member, which begins there, after the end of the one before it or the brace.
func (c *cuts) next(before, begin int) {
	if n := len(c.list); n > 0 && c.list[n-1].open {
		c.list[n-1].end, c.list[n-1].open = begin, false
	}
	c.kept = c.kept || c.any && !c.isCut
	c.before, c.begin, c.any, c.isCut = before, begin, true, false
}

// add cuts the current member, which ends there.
func (c *cuts) add(end int, usage bool) {
	c.isCut, c.errors = true, c.errors || !usage
	if c.kept {
		c.list = append(c.list, cut{start: c.before, end: end, usage: usage})
	} else {
		c.list = append(c.list, cut{start: c.begin, end: end, usage: usage, open: true})
	}
}

// keepUsage leaves members "usage" where they are.
func (c *cuts) keepUsage() {
	kept := c.list[:0]
	for _, cut := range c.list {
		if !cut.usage {
			kept = append(kept, cut)
		}
	}
	c.list = kept
}

// isUsed reports whether anything is cut.
func (c *cuts) isUsed() bool { return len(c.list) > 0 }

// all reports whether nothing is left of the chunk.
func (c *cuts) all() bool { return c.isCut && !c.kept && len(c.list) > 0 }

// anchor makes the positions valid for all chunks of a shape, whose text begins at text.
func (c *cuts) anchor(text, size int) {
	for i := range c.list {
		if cut := &c.list[i]; cut.start >= text {
			cut.tail = size - cut.start
		}
	}
}

// apply returns the chunk without these members, in the same memory.
func (c *cuts) apply(chunk []byte) []byte {
	size := len(chunk)
	for i := len(c.list) - 1; i >= 0; i-- {
		cut := c.list[i]
		start, end := cut.start, cut.end
		if cut.tail > 0 {
			start = size - cut.tail
			end = start + cut.end - cut.start
		}
		chunk = chunk[:start+copy(chunk[start:], chunk[end:])]
	}
	return chunk
}
