package memory_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/frames"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/memory"
	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/servers"
	"github.com/sessiond/sessiond/clients/go/internal/clock"
	"github.com/sessiond/sessiond/clients/go/internal/hashedid"
	"github.com/sessiond/sessiond/clients/go/internal/knowledge"
	"github.com/sessiond/sessiond/clients/go/internal/verdicts"
	"github.com/sessiond/sessiond/clients/go/sessiond/v1"
)

const maxStaleness = time.Second

// flown is a call for a token under way, in a memory that is fresh.
type flown struct {
	t      *testing.T
	clock  clock.Clock
	memory *memory.Memory
	flight *memory.Flight
	asked  knowledge.Asked
}

var question = memory.Ask(nil, []byte("request"))

func fly(t *testing.T) *flown {
	t.Helper()
	f := flyUnwatched(t)
	f.memory.Known.Cover(f.asked.At.Steady - time.Second/2)
	return f
}

// flyUnwatched is where heartbeats come on a stream that may have missed what was before.
func flyUnwatched(t *testing.T) *flown {
	t.Helper()
	f := &flown{t: t}
	known := knowledge.New()
	f.memory = memory.New(verdicts.Bounds{MaxEntries: 10, MaxBytes: 1 << 20}, known, &f.clock)
	known.SetMaxStaleness(maxStaleness)
	known.Follow("c1")
	f.beat()
	f.clock.Move(time.Second/2, time.Second/2)
	f.flight, _, _ = f.memory.Board(question, "token")
	f.asked = f.memory.Asked()
	return f
}

// beat is a heartbeat that vouches for everything until now.
func (f *flown) beat() {
	now := f.clock.Exact()
	f.memory.Known.Refresh(knowledge.Freshness{Known: now.Steady, Until: now.Steady + maxStaleness, Skew: now.Skew()})
}

// land brings an acceptance that says of itself that it is a tenth of a second old.
func (f *flown) land() {
	f.t.Helper()
	response, err := proto.Marshal(&sessiondv1.ValidateTokenResponse{
		Verdict:         &sessiondv1.ValidateTokenResponse_Session{Session: &sessiondv1.Session{SessionId: "sds"}},
		RevisionAge:     durationpb.New(100 * time.Millisecond),
		CacheFor:        durationpb.New(500 * time.Millisecond),
		WatchedCacheFor: durationpb.New(time.Minute),
		Configuration:   "c1",
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.memory.Land(f.flight, &servers.Answer{Message: *frames.Of(response)}, nil, f.asked)
}

func (f *flown) later(span time.Duration) { f.clock.Move(span, span) }

func TestWhoJoinsLaterMayKeepItForShorter(t *testing.T) {
	f := fly(t)
	f.later(300 * time.Millisecond)
	if _, isJoined, _ := f.memory.Board(question, "token"); !isJoined {
		t.Error("there were two calls")
	}
	began := f.memory.Asked()
	f.land()
	joined, ok := f.memory.Joined(f.flight, began)
	if !ok {
		t.Fatal("it was not answered")
	}
	var answer sessiondv1.ValidateTokenResponse
	if err := proto.Unmarshal(joined.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	elapsed := f.asked.Until(began)
	if answer.GetRevisionAge().AsDuration() != 100*time.Millisecond+elapsed ||
		answer.GetCacheFor().AsDuration() != 500*time.Millisecond-elapsed ||
		answer.GetWatchedCacheFor().AsDuration() != time.Minute-elapsed ||
		answer.GetSession().GetSessionId() != "sds" {
		t.Errorf("found %v after %v", &answer, elapsed)
	}
}

func TestWhoCameTooLateOrBehindARevocationIsNotAnswered(t *testing.T) {
	for name, happens := range map[string]func(*flown){
		"too late": func(f *flown) { f.later(maxStaleness - 100*time.Millisecond) },
		"revoked": func(f *flown) {
			f.memory.Known.Hear(hashedid.Of(hashedid.Session, "", "sds"), f.clock.Now().Steady)
		},
		"revoked shortly before it was asked": func(f *flown) {
			f.memory.Known.Hear(hashedid.Of(hashedid.Session, "", "sds"), f.asked.At.Steady-50*time.Millisecond)
		},
		"reset": func(f *flown) { f.memory.Known.Cover(f.clock.Now().Steady) },
	} {
		f := fly(t)
		f.later(10 * time.Millisecond)
		happens(f)
		began := f.memory.Asked()
		f.land()
		if _, ok := f.memory.Joined(f.flight, began); ok {
			t.Errorf("%s: it was answered", name)
		}
	}
}

func TestNobodyJoinsACallFromBeforeARevocationOfOnesOwn(t *testing.T) {
	f := fly(t)
	f.memory.Revoke(nil, nil)
	if _, isJoined, _ := f.memory.Board(question, "token"); isJoined {
		t.Error("it was joined")
	}
}

func TestWhatLandsBetweenALookAndACallIsFound(t *testing.T) {
	f := fly(t)
	f.land()
	if _, _, landed := f.memory.Board(question, "token"); landed == nil {
		t.Error("there was another call")
	}
}

func TestAHitSaysHowOldItIs(t *testing.T) {
	f := fly(t)
	f.land()
	f.later(200 * time.Millisecond)
	found, ok := f.memory.Find(question)
	if !ok {
		t.Fatal("it was not kept")
	}
	var answer sessiondv1.ValidateTokenResponse
	if err := proto.Unmarshal(found.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	// The last heartbeat is 0.7 s old, and what the answer itself knew 0.3 s.
	age, left := answer.GetRevisionAge().AsDuration(), answer.GetCacheFor().AsDuration()
	if age < 300*time.Millisecond || age > 600*time.Millisecond || left > maxStaleness-age+time.Millisecond ||
		answer.GetWatchedCacheFor().AsDuration() > time.Minute-200*time.Millisecond {
		t.Errorf("found %v", &answer)
	}
	f.later(time.Hour)
	if _, ok := f.memory.Find(question); ok {
		t.Error("it is kept for ever")
	}
}

func TestWhatMayHaveBeenMissedIsNotVouchedFor(t *testing.T) {
	f := flyUnwatched(t)
	f.land()
	f.later(200 * time.Millisecond)
	f.beat()
	found, ok := f.memory.Find(question)
	if !ok {
		t.Fatal("it was not kept for as long as anybody may")
	}
	var answer sessiondv1.ValidateTokenResponse
	if err := proto.Unmarshal(found.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.GetRevisionAge().AsDuration() < 300*time.Millisecond || answer.WatchedCacheFor != nil ||
		answer.GetCacheFor().AsDuration() > 300*time.Millisecond {
		t.Errorf("found %v", &answer)
	}
}
