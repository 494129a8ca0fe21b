package entrance

import (
	"net"
	"testing"
	"time"

	"github.com/sessiond/sessiond/clients/go/cmd/sessiond-agent/internal/listening"
)

func TestWhoHoldsALotKeepsNobodyElseOut(t *testing.T) {
	var held budget
	var hungry [8]listening.Connection
	for i := range hungry {
		for range 100 {
			held.take(&hungry[i], 1<<20)
		}
		held.add(&hungry[i], 100<<20) // answers are counted however long they are
		if own := hungry[i].Held.Load(); own > mostOfEach+100<<20 {
			t.Errorf("one connection holds %d bytes", own)
		}
	}
	var other listening.Connection
	last, hasRoom := held.take(&other, 1<<20)
	if !hasRoom {
		t.Fatal("who holds nothing was kept out")
	}
	if _, hasRoom := held.take(&other, 1<<20); hasRoom {
		t.Error("who holds something was let in")
	}
	held.end(&other, last)
	entered := 0
	for range 100 {
		if _, hasRoom := held.take(&listening.Connection{}, 1<<20); hasRoom {
			entered++
		}
	}
	if entered == 0 || int64(entered)<<20 > mostReserve {
		t.Errorf("%d of the others came in", entered)
	}
}

func TestWhatAConnectionHeldIsGivenBackOnce(t *testing.T) {
	var held budget
	var c listening.Connection
	taken, _ := held.take(&c, 1000)
	held.add(&c, 500)
	held.giveBack(&c, 500)
	held.leave(&c)
	held.end(&c, taken)
	held.add(&c, 500) // an answer that comes too late
	held.giveBack(&c, 500)
	if all := held.held.Load(); all != 0 {
		t.Errorf("%d bytes are held by nobody", all)
	}
}

// silently has so many calls of a connection be silent; what each ends with comes on the channel.
func silently(s *silent, from *listening.Connection, calls int, over <-chan struct{}) <-chan error {
	ended := make(chan error, calls)
	for range calls {
		before := s.count()
		go func() {
			if s.enterPatiently() {
				<-over
				ended <- nil
				return
			}
			ended <- s.hurry(from, func() error { <-over; return nil })
		}()
		for s.count() == before && len(ended) == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return ended
}

func TestTheSilentGoWhereThereAreTooManyAndTheFewStay(t *testing.T) {
	var s silent
	var many, few listening.Connection
	over := make(chan struct{})
	silently(&s, &many, mostPatient, over)
	of, theOther := silently(&s, &few, 1, over), silently(&s, &many, mostHurried, over)
	if count := s.count(); count > mostPatient+mostHurried {
		t.Errorf("%d are silent", count)
	}
	if err := <-theOther; err != errLate {
		t.Errorf("one of many ended with %v", err)
	}
	close(over)
	if err := <-of; err != nil {
		t.Errorf("the only one of a connection ended with %v", err)
	}
	for range mostHurried - 1 {
		if err := <-theOther; err != nil {
			t.Errorf("one that had its place ended with %v", err)
		}
	}
}

// connected is a connection that is open, with its listener.
func connected(t *testing.T) (*listening.Listener, *listening.Connection) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := listening.Bound(inner, 10)
	t.Cleanup(func() { _ = listener.Close() })
	dialled, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dialled.Close() })
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return listener, accepted.(*listening.Connection)
}

func TestOnlyWhoTakesNothingAtAllIsClosed(t *testing.T) {
	for name, happens := range map[string]struct {
		taken    bool
		expected int
	}{"takes one": {true, 1}, "takes none": {false, 0}} {
		d := &deaf{entrance: New()}
		listener, c := connected(t)
		now := time.Now()
		c.Sent.Add(5)
		d.close(listener.Connections(), now)
		if happens.taken {
			c.Taken.Add(1)
		}
		d.close(listener.Connections(), now.Add(takenWithin/2))
		d.close(listener.Connections(), now.Add(takenWithin))
		if count := listener.Count(); count != happens.expected {
			t.Errorf("who %s: %d connections are left", name, count)
		}
	}
}

func TestWhoHasTakenEverythingMayBeSilent(t *testing.T) {
	d := &deaf{entrance: New()}
	listener, c := connected(t)
	now := time.Now()
	c.Sent.Add(5)
	d.close(listener.Connections(), now)
	c.Taken.Add(5)
	d.close(listener.Connections(), now.Add(takenWithin/2))
	c.Sent.Add(1)
	d.close(listener.Connections(), now.Add(takenWithin))
	if listener.Count() != 1 {
		t.Error("it was closed for what it had just been sent")
	}
}
