package sessiond

// question is what a validation asks, and how.
type question struct {
	callOptions
	consistency Consistency
	revision    string
	proof       Proof
}
