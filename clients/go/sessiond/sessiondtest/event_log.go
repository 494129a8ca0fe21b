package sessiondtest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

type event = sessiondv1.WatchRevocationsResponse

// eventLog is everything that watchers are told. A revision is how many events there were.
type eventLog struct {
	events  []*event
	changed chan struct{} // closed when there is more
}

const revisionPrefix = "sessiondtest-"

func (l *eventLog) revision() string { return toRevision(len(l.events)) }

func toRevision(events int) string { return fmt.Sprint(revisionPrefix, events) }

// fromRevision is -1 for what is none.
func fromRevision(revision string) int {
	number, isOurs := strings.CutPrefix(revision, revisionPrefix)
	events, err := strconv.Atoi(number)
	if err != nil || !isOurs || events < 0 {
		return -1
	}
	return events
}

func (l *eventLog) revoke(
	kind sessiondv1.RevocationType, id hashedid.ID, now time.Time,
) *sessiondv1.Revocation {
	revocation := &sessiondv1.Revocation{
		Type: kind, HashedId: id[:], ExpireTime: timestamppb.New(now.Add(longestLifetime)),
		Revision: toRevision(len(l.events) + 1),
	}
	l.append(&event{Event: &sessiondv1.WatchRevocationsResponse_Revocation{Revocation: revocation}})
	// In the answer to who revoked it there is no revision.
	return &sessiondv1.Revocation{Type: kind, HashedId: id[:], ExpireTime: revocation.ExpireTime}
}

// reset has watchers forget everything that they keep.
func (l *eventLog) reset() {
	reset := &sessiondv1.Reset{Revision: toRevision(len(l.events) + 1), Configuration: configuration}
	l.append(&event{Event: &sessiondv1.WatchRevocationsResponse_Reset_{Reset_: reset}})
}

func (l *eventLog) append(one *event) {
	l.events = append(l.events, one)
	close(l.changed)
	l.changed = make(chan struct{})
}
