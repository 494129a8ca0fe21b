package telemetry

import (
	"fmt"
	"io"
	"iter"
)

// family is a counter that has a series for each value of one label.
type family struct {
	name, help, label string
	series            iter.Seq2[string, uint64]
}

// Family is a further counter with series of its own, asked for when they are wanted.
func (t *Telemetry) Family(name, help, label string, series iter.Seq2[string, uint64]) {
	t.families = append(t.families, family{name, help, label, series})
}

func (f *family) write(to io.Writer) {
	head(to, f.name, "counter", f.help)
	for value, count := range f.series {
		fmt.Fprintf(to, "%s{%s=%q} %d\n", f.name, f.label, value, count)
	}
}
