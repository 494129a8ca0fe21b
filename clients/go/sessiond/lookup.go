package sessiond

// ListOption is how sessions are to be listed: a [PageSize], or a [Timeout], which is that of each page.
type ListOption interface{ applyToList(*listing) }

// PageSize is how many sessions come with one call; 100 is the default, and the most.
type PageSize int32

type listing struct {
	callOptions
	pageSize int32
}

func (p PageSize) applyToList(l *listing) { l.pageSize = int32(p) }
