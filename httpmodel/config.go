package httpmodel

// Stream is the endpoint of a generator.
type Stream struct {
	Format Format
	End    string
}
