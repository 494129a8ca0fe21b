package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type watcher = grpc.ServerStreamingClient[told]

// next is the first event from now on that is wanted.
func next(t *testing.T, stream watcher, wanted func(*told) bool) *told {
	t.Helper()
	for {
		event, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if wanted(event) {
			return event
		}
	}
}

func isFreshness(event *told) bool { return event.GetFreshness() != nil }

func isOf(id [16]byte) func(*told) bool {
	return func(event *told) bool {
		return string(event.GetRevocation().GetHashedId()) == string(id[:])
	}
}

func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

func TestAWatcherIsToldTheAgesOfWhatTheAgentKnows(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	stream := f.watch("")
	began := next(t, stream, func(*told) bool { return true }).GetStarted()
	if began.GetMaxStaleness().AsDuration() != time.Hour || began.GetConfiguration() != configuration ||
		!strings.HasPrefix(began.GetRevision(), "agent-") {
		t.Errorf("found %v", began)
	}
	first := next(t, stream, isFreshness).GetFreshness()
	second := next(t, stream, isFreshness).GetFreshness()
	// The server has told of nothing since: what is known grows as old as the stream does.
	elapsed := second.GetSinceStart().AsDuration() - first.GetSinceStart().AsDuration()
	aged := second.GetAge().AsDuration() - first.GetAge().AsDuration()
	if first.GetAge().AsDuration() <= 0 || elapsed <= 0 || (aged-elapsed).Abs() > 50*time.Millisecond {
		t.Errorf("found %v, and then %v", first, second)
	}
}

func TestAWatcherGoesOnWhereItWas(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	stream := f.watch("")
	before := next(t, stream, isFreshness).GetFreshness().GetRevision()
	u.tell(revoked(session, [16]byte{7}, "r2"), revoked(session, [16]byte{8}, "r3"))
	first := next(t, stream, isOf([16]byte{7})).GetRevocation().GetRevision()
	next(t, stream, isOf([16]byte{8}))
	for from, missed := range map[string][]byte{before: {7, 8}, first: {8}} {
		again := f.watch(from)
		if began, err := again.Recv(); err != nil || began.GetStarted().GetRevision() != from {
			t.Errorf("it began with %v, %v", began, err)
		}
		for _, id := range missed {
			if event, err := again.Recv(); err != nil || event.GetRevocation().GetHashedId()[0] != id {
				t.Errorf("from %s: found %v, %v", from, event, err)
			}
		}
	}
	for _, other := range []string{"r2", "agent-0123.1", before + "99", "agent"} {
		again := f.watch(other)
		if began, err := again.Recv(); err != nil || began.GetStarted() == nil {
			t.Errorf("found %v, %v", began, err)
		}
		if event, err := again.Recv(); err != nil || event.GetReset_() == nil {
			t.Errorf("from %s: found %v, %v", other, event, err)
		}
	}
}

func TestAKeyThatWentIsToldOfToWhoComesLater(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	f.settled(u, revoked(key, [16]byte{9}, ""))
	stream := f.watch("")
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	event, err := stream.Recv()
	if err != nil || !isOf([16]byte{9})(event) || event.GetRevocation().GetRevision() != "" {
		t.Errorf("found %v, %v", event, err)
	}
}

func TestTheSameEntryIsToldOnce(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	stream := f.watch("")
	next(t, stream, isFreshness)
	one, again := revoked(session, [16]byte{7}, "r2"), revoked(session, [16]byte{7}, "r3")
	u.tell(one, one, again, revoked(session, [16]byte{8}, "r4"))
	count := 0
	next(t, stream, func(event *told) bool {
		if isOf([16]byte{7})(event) {
			count++
		}
		return isOf([16]byte{8})(event)
	})
	if count != 2 {
		t.Errorf("it was told %d times", count)
	}
}

func TestAWatcherThatDoesNotKeepUpIsSentAwayAndNothingIsLeftOut(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	slow, quick := f.watch(""), f.watch("")
	next(t, slow, isFreshness)
	next(t, quick, isFreshness)
	id := func(i int) (id [16]byte) {
		copy(id[:], fmt.Sprintf("%016d", i))
		return id
	}
	const many, atOnce = 14_000, 50
	for i := range many {
		u.tell(revoked(session, id(i), fmt.Sprint("r", i)))
		if i%atOnce == atOnce-1 {
			next(t, quick, isOf(id(i)))
		}
	}
	for i := 0; ; {
		event, err := slow.Recv()
		if err != nil {
			if status.Code(err) != codes.ResourceExhausted || reasonOf(err) != "WATCH_FELL_BEHIND" {
				t.Errorf("it ended with %v", err)
			}
			return
		}
		if event.GetRevocation() != nil {
			if !isOf(id(i))(event) {
				t.Fatalf("found %v in the place of %d", event, i)
			}
			i++
		}
	}
}

func TestWatchersAreBounded(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u, "--max-watchers", "3")
	for range 2 { // one more watched until the agent was fresh
		next(t, f.watch(""), isFreshness)
	}
	_, err := f.watch("").Recv()
	if reasonOf(err) != "WATCHERS_EXHAUSTED" || status.Code(err) != codes.ResourceExhausted {
		t.Errorf("found %v", err)
	}
}

func TestWithoutAServerThereIsNothingToWatch(t *testing.T) {
	u := newUpstream(t)
	u.server.Stop()
	f := started(t, u)
	_, err := f.watch("").Recv()
	if reasonOf(err) != "REVOCATION_VIEW_STALE" {
		t.Errorf("found %v", err)
	}
}

func TestAStreamThatEndsIsOpenedAgainAndItsWatchersMissNothing(t *testing.T) {
	u := newUpstream(t)
	f := inFront(t, u)
	stream := f.watch("")
	next(t, stream, isFreshness)
	u.note(func() { u.missed = []*told{revoked(session, [16]byte{7}, "r2")} })
	u.tell(nil)
	next(t, stream, func(event *told) bool {
		if event.GetReset_() != nil {
			t.Error("it was reset")
		}
		return isOf([16]byte{7})(event)
	})
}

func TestAStreamThatMayHaveMissedSomethingResetsWatchers(t *testing.T) {
	for name, change := range map[string]func(*upstream){
		"it begins without what was before":     func(u *upstream) { u.ending = codes.InvalidArgument },
		"it begins under another configuration": func(u *upstream) { u.began = "c2" },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t)
			f := inFront(t, u)
			f.ask("a")
			stream := f.watch("")
			next(t, stream, isFreshness)
			u.note(func() { change(u) })
			u.tell(nil)
			told := next(t, stream, func(event *told) bool { return event.GetReset_() != nil }).GetReset_()
			if told.GetConfiguration() != u.began || told.GetRevision() == "" {
				t.Errorf("found %v", told)
			}
			next(t, stream, isFreshness)
			f.ask("a")
			if u.count() != 2 {
				t.Errorf("the server was asked %d times", u.count())
			}
		})
	}
}

func TestASecondServerIsWatchedFromWhereTheFirstHasCome(t *testing.T) {
	first, second := upstreamAt(t, "tcp", "127.0.0.1:0", ""), upstreamAt(t, "tcp", "127.0.0.1:0", "")
	started(t, first, "--servers", first.address+","+second.address)
	for _, u := range []*upstream{first, second} {
		u.until(t, func() bool { return len(u.froms) > len(u.ended) })
	}
	froms := slices.Concat(first.froms, second.froms)
	slices.Sort(froms)
	if froms[0] != "" || slices.ContainsFunc(froms[1:], func(from string) bool { return from != "r1" }) {
		t.Errorf("they are watched from %q", froms)
	}
}

func TestAWatchThatEndsGoesOnFromWhereTheOtherHasCome(t *testing.T) {
	both := []*upstream{upstreamAt(t, "tcp", "127.0.0.1:0", ""), upstreamAt(t, "tcp", "127.0.0.1:0", "")}
	f := started(t, both[0], "--servers", both[0].address+","+both[1].address)
	for _, u := range both {
		u.until(t, func() bool { return len(u.froms) > len(u.ended) })
	}
	stream := f.watch("")
	next(t, stream, isFreshness)
	both[0].tell(revoked(session, [16]byte{2}, "new"), fresh("new", 0))
	next(t, stream, isOf([16]byte{2}))
	f.settled(both[1]) // what it says comes last, and is older
	froms := func() (all []string) {
		for _, u := range both {
			u.mu.Lock()
			all = append(all, u.froms...)
			u.mu.Unlock()
		}
		return all
	}
	before := len(froms())
	both[1].tell(nil)
	for give := time.Now().Add(patience); len(froms()) == before; time.Sleep(time.Millisecond) {
		if time.Now().After(give) {
			t.Fatal("it does not watch again")
		}
	}
	if all := froms(); !slices.Contains(all, "new") {
		t.Errorf("they are watched from %q", all)
	}
}

func TestOneServerIsWatchedOnce(t *testing.T) {
	u := newUpstream(t)
	inFront(t, u)
	u.until(t, func() bool { return len(u.ended) >= 2 })
	// The second watch has looked for another server twice, and the first goes on.
	if slices.Sort(u.ended); !slices.Equal(u.ended[:2], []int{1, 2}) {
		t.Errorf("the streams %v have ended", u.ended)
	}
}
