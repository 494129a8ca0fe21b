package browser

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/sessiond/sessiond/clients/go/sessiond"
)

// slow is a refresh that goes on until it is let go.
type slow struct {
	begun chan string
	letGo chan struct{}
}

func newSlow() slow { return slow{make(chan string, mostFlights), make(chan struct{})} }

func (s slow) refresh(ctx context.Context, token string, _ sessiond.Bearer) (*sessiond.Tokens, error) {
	s.begun <- token
	<-s.letGo
	return &sessiond.Tokens{RefreshToken: "after " + token}, ctx.Err()
}

func TestARefreshTokenIsSpentOnceForAllOfOneDevice(t *testing.T) {
	devices := []sessiond.Bearer{
		{}, {Device: sessiond.Device{UserAgent: "a"}}, {Device: sessiond.Device{Label: "a"}},
		{Proof: sessiond.Certificate{1}},
	}
	synctest.Test(t, func(t *testing.T) {
		var flights Flights
		s := newSlow()
		for range 50 {
			for _, bearer := range devices {
				go func() {
					tokens, err := flights.Refresh(t.Context(), "r", bearer, s.refresh)
					if err != nil || tokens.RefreshToken != "after r" {
						t.Errorf("found %v, %v", tokens, err)
					}
				}()
			}
		}
		synctest.Wait()
		close(s.letGo)
		synctest.Wait()
		if len(s.begun) != len(devices) || len(flights.flying) != 0 {
			t.Errorf("%d refreshes, and %d under way", len(s.begun), len(flights.flying))
		}
	})
}

func TestWhoeverLeavesEndsNoRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var flights Flights
		s := newSlow()
		ctx, leave := context.WithCancel(t.Context())
		left, stayed := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := flights.Refresh(ctx, "r", sessiond.Bearer{}, s.refresh)
			left <- err
		}()
		synctest.Wait()
		go func() {
			_, err := flights.Refresh(t.Context(), "r", sessiond.Bearer{}, s.refresh)
			stayed <- err
		}()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left was told %v", err)
		}
		synctest.Wait()
		close(s.letGo)
		if err := <-stayed; err != nil {
			t.Errorf("who stayed was told %v", err)
		}
		if len(s.begun) != 1 {
			t.Errorf("there were %d refreshes", len(s.begun))
		}
	})
}

func TestRefreshesUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var flights Flights
		s := newSlow()
		gone, leave := context.WithCancel(t.Context())
		leave()
		for i := range mostFlights {
			_, _ = flights.Refresh(gone, strconv.Itoa(i), sessiond.Bearer{}, s.refresh)
		}
		var unavailable *sessiond.Unavailable
		_, err := flights.Refresh(t.Context(), "one more", sessiond.Bearer{}, s.refresh)
		if !errors.As(err, &unavailable) || unavailable.RetryAfter <= 0 {
			t.Errorf("found %v", err)
		}
		joined := make(chan error, 1)
		go func() {
			_, err := flights.Refresh(t.Context(), "0", sessiond.Bearer{}, s.refresh)
			joined <- err
		}()
		synctest.Wait()
		close(s.letGo)
		if err := <-joined; err != nil {
			t.Errorf("who joins is told %v", err)
		}
	})
}

func TestAPanicIsThatOfWhoeverWaits(t *testing.T) {
	var flights Flights
	defer func() {
		if recover() == nil {
			t.Error("nobody panicked")
		}
	}()
	_, _ = flights.Refresh(t.Context(), "r", sessiond.Bearer{}, func(
		context.Context, string, sessiond.Bearer,
	) (*sessiond.Tokens, error) {
		panic("a mistake")
	})
}
