package telemetry

import (
	"fmt"
	"io"
	"iter"
)

// family is a counter that has a series for each value of one label; other labels are the same in all of them.
type family struct {
	name, help, fixed, label string
	series                   iter.Seq2[string, uint64]
}

// Family is a further counter with series of its own, asked for when they are wanted.
func (t *Telemetry) Family(name, help, label string, series iter.Seq2[string, uint64]) {
	t.families = append(t.families, family{name, help, "", label, series})
}

// Verdicts are those of a method.
func (t *Telemetry) Verdicts(method string, series iter.Seq2[string, uint64]) {
	t.families = append(t.families, family{
		"sessiond_verdicts_total", "Verdicts, by what was found.", fmt.Sprintf("method=%q,", method), "verdict", series,
	})
}

func (f *family) write(to io.Writer) {
	head(to, f.name, "counter", f.help)
	for value, count := range f.series {
		fmt.Fprintf(to, "%s{%s%s=%q} %d\n", f.name, f.fixed, f.label, value, count)
	}
}
