package core

import (
	"cmp"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a switch that answers as the test says.
type scripted struct {
	calls, asks int
	call        func(ctx context.Context, r Request) (Outcome, error)
	state       HealthState // Available if not set
	health      error
}

func (s *scripted) Prepare(r Request) (string, error) { return r.ID, nil }
func (s *scripted) Horizon() time.Duration            { return time.Hour }
func (s *scripted) Health(context.Context) (Health, error) {
	return Health{State: cmp.Or(s.state, Available)}, s.health
}
func (s *scripted) Inquire(context.Context, Inquiry) (Outcome, error) {
	s.asks++
	return Outcome{Status: Done}, nil
}
func (s *scripted) Call(ctx context.Context, r Request) (Outcome, error) {
	s.calls++
	return s.call(ctx, r)
}

func answers(err error) func(context.Context, Request) (Outcome, error) {
	return func(context.Context, Request) (Outcome, error) { return Outcome{Status: Done}, err }
}

func TestACallIsTriedAgainOnABudgetAndOnlyIfThatCanDoNothingTwice(t *testing.T) {
	cut := &callError{op: Balance, kind: ErrCut, cause: errors.New("reset")}
	for _, tc := range []struct {
		name, call string
		err        error
		want       int
	}{
		{"money that met nobody", Transfer, Unsent(Transfer, errors.New("refused")), 1},
		{"money that was cut", Transfer, cut, 1},
		{"a read that met nobody", Balance, Unsent(Balance, errors.New("refused")), 2},
		{"a read that was cut", AccountName, cut, 2},
		{"a read with a PIN that was cut", Balance, cut, 1},
		{"a change of the PIN that met nobody", ChangePIN, Unsent(ChangePIN, errors.New("refused")), 2},
		{"a change of the PIN that was cut", ChangePIN, cut, 1},
		{"a lock that met nobody", Lock, Unsent(Lock, errors.New("refused")), 2},
		{"a lock that was cut", Lock, cut, 1},
		{"a read that was refused by the core", Balance, Failed(Balance, errors.New("status 500")), 1},
		{"a read in time", Balance, nil, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &scripted{call: answers(tc.err)}
			g := NewGuard(GuardConfig{Switch: s})
			r := Request{Call: tc.call}
			if tc.call == Balance {
				r.PIN = NewSecret([]byte(secretPIN))
			}
			if _, err := g.Call(t.Context(), r); !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if s.calls != tc.want {
				t.Errorf("%d calls, want %d", s.calls, tc.want)
			}
			if l := g.Load(); l.InFlight != 0 {
				t.Errorf("a place was kept: %+v", l)
			}
		})
	}
	t.Run("until the budget is spent", func(t *testing.T) {
		s := &scripted{call: answers(Unsent(Balance, errors.New("refused")))}
		g := NewGuard(GuardConfig{Switch: s, Absent: 1000})
		for range 200 {
			_, _ = g.Call(t.Context(), Request{Call: Balance})
		}
		if s.calls > 200+maxRetries {
			t.Errorf("%d calls for 200 reads", s.calls)
		}
	})
}

func TestCoreThatIsGoneIsLeftAloneUntilSomebodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{call: answers(Unsent(Transfer, errors.New("refused"))), health: ErrNotSent}
		g := NewGuard(GuardConfig{Switch: s, Absent: 3, Retry: 10 * time.Second})
		for range 10 {
			if _, err := g.Call(t.Context(), Request{Call: Transfer}); !errors.Is(err, ErrNotSent) {
				t.Fatal(err)
			}
		}
		if s.calls != 3 {
			t.Errorf("%d calls met nobody, want 3", s.calls)
		}
		if _, down := g.Down(Transfer); !down {
			t.Error("customers are not told")
		}
		if _, err := g.Reserve(t.Context(), Transfer, nil); !errors.Is(err, ErrNotSent) {
			t.Errorf("an action would be born: %v", err)
		}
		time.Sleep(11 * time.Second)
		s.call = answers(nil)
		for _, call := range []string{Transfer, ChangePIN, Lock} {
			if _, err := g.Call(t.Context(), Request{Call: call}); err == nil {
				t.Errorf("%s was sent to find out whether somebody is there", call)
			}
		}
		s.health = nil
		if _, err := g.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, down := g.Down(Transfer); down {
			t.Error("still down after a heartbeat")
		}
		if _, err := g.Call(t.Context(), Request{Call: Transfer}); err != nil {
			t.Errorf("after a heartbeat: %v", err)
		}
	})
}

func TestSlowCoreDoesNotOpenTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{call: func(ctx context.Context, _ Request) (Outcome, error) {
			<-ctx.Done()
			return Outcome{}, Failed(Transfer, ctx.Err())
		}}
		g := NewGuard(GuardConfig{Switch: s, Absent: 2})
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			_, _ = g.Call(ctx, Request{Call: Transfer})
			cancel()
		}
		if _, down := g.Down(Transfer); down || s.calls != 10 {
			t.Errorf("down %v after %d calls that timed out", down, s.calls)
		}
		if l := g.Load(); l.Limit != 2 {
			t.Errorf("the limit is %d, want the floor", l.Limit)
		}
	})
}

func TestReservedPlaceIsTheCallsAndIsGivenBack(t *testing.T) {
	s := &scripted{call: answers(nil)}
	g := NewGuard(GuardConfig{Switch: s, Limit: LimiterConfig{Initial: 1, Floor: 1, Max: 1, Wait: time.Millisecond}})
	ticket, err := g.Reserve(t.Context(), Transfer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Reserve(t.Context(), Transfer, nil); !errors.Is(err, ErrOverload) || !errors.Is(err, ErrNotSent) {
		t.Errorf("the second place: %v", err)
	}
	if _, err := g.Call(WithTicket(t.Context(), ticket), Request{Call: Transfer}); err != nil {
		t.Errorf("the call with the place: %v", err)
	}
	ticket.Release()
	if ticket, err = g.Reserve(t.Context(), Transfer, nil); err != nil {
		t.Fatalf("the place was not given back: %v", err)
	}
	ticket.Release()
	ticket.Release()
	if l := g.Load(); l.InFlight != 0 {
		t.Errorf("%+v", l)
	}
}

func TestInquiryThatHadNoPlaceSaysNothingOfTheAction(t *testing.T) {
	s := &scripted{call: answers(nil)}
	g := NewGuard(GuardConfig{Switch: s, Limit: LimiterConfig{Initial: 1, Floor: 1, Max: 1, Wait: time.Millisecond}})
	ticket, err := g.Reserve(t.Context(), Transfer, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ticket.Release()
	out, err := g.Inquire(t.Context(), Inquiry{Call: Transfer})
	if err == nil || errors.Is(err, ErrNotSent) || out.Status != Unknown || s.asks != 0 {
		t.Errorf("outcome %v, error %v, %d inquiries", out.Status, err, s.asks)
	}
}
