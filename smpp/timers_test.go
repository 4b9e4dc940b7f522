package smpp

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

func TestTimersSayWhatIsDue(t *testing.T) {
	tm := timers{enquire: 30 * time.Second, response: 10 * time.Second, inactivity: 5 * time.Minute,
		sessionInit: 5 * time.Second, write: 8 * time.Second}
	const s = time.Second
	for _, tc := range []struct {
		name string
		now  time.Duration
		in   instants
		want action
	}{
		{"a fresh connection waits for the bind", 4 * s, instants{}, actNone},
		{"no bind in time", 5 * s, instants{}, actSessionInit},
		{"octets do not replace a bind", 5 * s, instants{received: 5 * s}, actSessionInit},
		{"a session is quiet", 29 * s, instants{bound: true}, actNone},
		{"nothing received for the interval", 30 * s, instants{bound: true}, actEnquire},
		{"what we send does not count", 30 * s, instants{bound: true, active: 30 * s}, actEnquire},
		{"received a while ago", 50 * s, instants{bound: true, received: 25 * s}, actNone},
		{"enquired, waiting", 39 * s, instants{bound: true, enquired: 30 * s}, actNone},
		{"enquired, nothing came", 40 * s, instants{bound: true, enquired: 30 * s}, actSilent},
		{"enquired, anything came", 40 * s, instants{bound: true, enquired: 30 * s, received: 30 * s}, actNone},
		{"answered long ago, enquire again", 61 * s, instants{bound: true, enquired: 30 * s, received: 31 * s}, actEnquire},
		{"our reader waits, silence means nothing", 90 * s, instants{bound: true, paused: true, enquired: 30 * s}, actNone},
		{"idle but for keepalive", 300 * s, instants{bound: true, received: 299 * s}, actUnbind},
		{"idle and unbinding already", 300 * s, instants{bound: true, received: 299 * s, deactivate: true}, actNone},
		{"a write is under way", 17 * s, instants{bound: true, writing: 10 * s}, actNone},
		{"a write hangs", 18 * s, instants{bound: true, writing: 10 * s}, actWrite},
		{"a write hangs before the bind", 3*s + 8*s, instants{writing: 3 * s}, actWrite},
		{"the peer unbinds, we drain", 59 * s, instants{bound: true, received: 50 * s, unbinding: 50 * s}, actNone},
		{"the peer unbinds, drained long enough", 60 * s, instants{bound: true, received: 50 * s, unbinding: 50 * s}, actAnswerUnbind},
		{"our last octets are out", 50*s + linger - 1, instants{bound: true, finishing: 50 * s}, actNone},
		{"the peer does not close", 50*s + linger, instants{bound: true, finishing: 50 * s}, actFinish},
	} {
		if got := tm.tick(tc.now, tc.in); got != tc.want {
			t.Errorf("%s: action %d, want %d", tc.name, got, tc.want)
		}
	}
	off := timers{response: s, sessionInit: s, write: s}
	if got := off.tick(time.Hour, instants{bound: true}); got != actNone {
		t.Errorf("timers that are off act: %d", got)
	}
	if got := (timers{enquire: 30 * s, response: 10 * s, sessionInit: 5 * s}).step(); got != maxStep {
		t.Errorf("step of the defaults is %v", got)
	}
	if got := (timers{response: 20 * time.Millisecond}).step(); got != time.Millisecond {
		t.Errorf("step of a short timer is %v", got)
	}
}

// pipe binds to a script over a pipe. Both ends are gone when the test ends.
func pipe(t *testing.T, script smpptest.Script, cfg Config) *Conn {
	t.Helper()
	nc, wait := smpptest.Pipe(script)
	t.Cleanup(func() {
		if err := wait(); err != nil {
			t.Errorf("the peer: %v", err)
		}
	})
	c, err := NewConn(context.Background(), nc, testBind, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); <-c.Done() })
	return c
}

func TestUnansweredRequestHasAnUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.BlackHole, Config{ResponseTimeout: 2 * time.Second, EnquireInterval: -1, Window: 1})
		began := time.Now()
		_, err := c.Do(t.Context(), submit("x"))
		if !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, ErrNoResponse) || errors.Is(err, ErrNotSent) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(began); d < 2*time.Second || d > 2*time.Second+2*c.step {
			t.Errorf("given up after %v", d)
		}
		if s := c.Stats(); s.Outstanding != 0 || s.Timeouts != 1 {
			t.Errorf("the slot is not free: %+v", s)
		}
		if c.Err() != nil {
			t.Errorf("the session ended: %v", c.Err())
		}
	})
}

func TestLateResponseIsCountedAndHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.AnswerAfter(3*time.Second), Config{ResponseTimeout: 2 * time.Second, EnquireInterval: -1})
		if _, err := c.Do(t.Context(), submit("x")); !errors.Is(err, ErrNoResponse) {
			t.Errorf("got %v", err)
		}
		time.Sleep(2 * time.Second)
		if s := c.Stats(); s.Unmatched != 1 {
			t.Errorf("%+v", s)
		}
		if c.Err() != nil {
			t.Errorf("the session ended: %v", c.Err())
		}
	})
}

func TestResponseAtTheTimeoutEndsTheRequestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for d := 1900 * time.Millisecond; d <= 2300*time.Millisecond; d += 50 * time.Millisecond {
			c := pipe(t, smpptest.AnswerAfter(d), Config{ResponseTimeout: 2 * time.Second, EnquireInterval: -1})
			var n int
			var mu sync.Mutex
			if err := c.Go(t.Context(), submit("x"), func(_ pdu.PDU, err error) {
				mu.Lock()
				n++
				mu.Unlock()
				if err != nil && !errors.Is(err, ErrUnknownOutcome) {
					t.Errorf("after %v: %v", d, err)
				}
				if err != nil && d < 2*time.Second {
					t.Errorf("a response after %v came too late", d)
				}
			}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			mu.Lock()
			if s := c.Stats(); n != 1 || s.Outstanding != 0 || s.Timeouts+s.Unmatched == 1 {
				t.Errorf("after %v: %d results, %+v", d, n, s)
			}
			mu.Unlock()
			_ = c.Close()
		}
	})
}

func TestSilentPeerIsFoundOutByEnquireLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.BlackHole, Config{ResponseTimeout: 2 * time.Second, EnquireInterval: 5 * time.Second})
		began := time.Now()
		<-c.Done()
		if !errors.Is(c.Err(), ErrSilent) {
			t.Errorf("ended with %v", c.Err())
		}
		if d := time.Since(began); d < 7*time.Second || d > 7*time.Second+4*c.step {
			t.Errorf("ended after %v", d)
		}
	})
}

func TestSilentPeerIsFoundOutWithAFullWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.BlackHole, Config{Window: 1, ResponseTimeout: time.Minute, EnquireInterval: 5 * time.Second})
		_, err := c.Do(t.Context(), submit("x"))
		if !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, ErrNoResponse) {
			t.Errorf("got %v", err)
		}
		<-c.Done()
		if !errors.Is(c.Err(), ErrSilent) {
			t.Errorf("ended with %v", c.Err())
		}
	})
}

func TestKeepaliveKeepsAQuietSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, func(p *smpptest.Peer) error {
			p.Timeout = time.Hour
			return smpptest.Behave(p)
		}, Config{EnquireInterval: 10 * time.Second})
		time.Sleep(10 * time.Minute)
		synctest.Wait() // an enquire_link of this very moment is answered
		if c.Err() != nil {
			t.Fatalf("ended: %v", c.Err())
		}
		if s := c.Stats(); s.Enquiries < 50 || s.Unmatched != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestIdleSessionIsUnbound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unbound := false
		c := pipe(t, func(p *smpptest.Peer) error {
			p.Timeout = time.Hour
			if _, err := p.AcceptBind(); err != nil {
				return err
			}
			q, err := p.Expect(pdu.IDUnbind) // enquire_link is answered on the way
			if err != nil {
				return err
			}
			unbound = true
			return p.Send(0, q.Sequence, &pdu.UnbindResp{})
		}, Config{EnquireInterval: 10 * time.Second, InactivityTimeout: time.Minute})
		<-c.Done()
		if !errors.Is(c.Err(), ErrInactive) {
			t.Errorf("ended with %v", c.Err())
		}
		synctest.Wait()
		if !unbound {
			t.Error("no unbind was sent")
		}
	})
}

func TestPeerThatStopsReadingIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		c := pipe(t, smpptest.StopReading(hold), Config{WriteTimeout: 3 * time.Second, ResponseTimeout: time.Minute, EnquireInterval: -1})
		defer close(hold)
		var first, second error
		var wg sync.WaitGroup
		wg.Go(func() { _, first = c.Do(context.Background(), submit("in Write")) })
		synctest.Wait()
		wg.Go(func() { _, second = c.Do(context.Background(), submit("behind it")) })
		wg.Wait()
		if !errors.Is(first, ErrUnknownOutcome) || !errors.Is(first, ErrWriteTimeout) {
			t.Errorf("the request in Write: %v", first)
		}
		if !errors.Is(second, ErrNotSent) || errors.Is(second, ErrUnknownOutcome) {
			t.Errorf("the request in the queue: %v", second)
		}
	})
}

func TestCallerWhoGivesUpLearnsWhetherItWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		release := make(chan struct{})
		c := pipe(t, func(p *smpptest.Peer) error {
			if _, err := p.AcceptBind(); err != nil {
				return err
			}
			<-release
			for {
				q, err := p.Read()
				if err != nil {
					return nil
				}
				seen = append(seen, string(q.Body.(*pdu.SubmitSM).ShortMessage))
			}
		}, Config{WriteTimeout: time.Minute, ResponseTimeout: time.Minute, EnquireInterval: -1})
		errs := make([]error, 3)
		var wg sync.WaitGroup
		for i, text := range []string{"in Write", "taken back", "stays"} {
			wg.Go(func() {
				limit := time.Second
				if text == "stays" {
					limit = 3 * time.Second
				}
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				defer cancel()
				_, errs[i] = c.Do(ctx, submit(text))
			})
			synctest.Wait()
		}
		time.Sleep(2 * time.Second)
		close(release)
		wg.Wait()
		_ = c.Close()
		<-c.Done()
		synctest.Wait()
		if !errors.Is(errs[0], ErrUnknownOutcome) || !errors.Is(errs[0], context.DeadlineExceeded) {
			t.Errorf("the request in Write: %v", errs[0])
		}
		if !errors.Is(errs[1], ErrNotSent) || !errors.Is(errs[1], context.DeadlineExceeded) {
			t.Errorf("the request in the queue: %v", errs[1])
		}
		if !errors.Is(errs[2], ErrUnknownOutcome) {
			t.Errorf("the request that was written: %v", errs[2])
		}
		if len(seen) != 2 || seen[0] != "in Write" || seen[1] != "stays" {
			t.Errorf("the peer saw %q", seen)
		}
	})
}

func TestAbandonedRequestKeepsItsSlotUntilAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.AnswerAfter(3*time.Second), Config{Window: 1, EnquireInterval: -1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Do(ctx, submit("x")); !errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("got %v", err)
		}
		if err := c.TryGo(submit("y"), nil); !errors.Is(err, ErrWindowFull) || !errors.Is(err, ErrNotSent) {
			t.Errorf("the peer's window is exceeded: %v", err)
		}
		if _, err := c.Do(t.Context(), submit("z")); err != nil {
			t.Errorf("after the answer: %v", err)
		}
		if s := c.Stats(); s.Late != 1 || s.Outstanding != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWaitForASlotEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pipe(t, smpptest.BlackHole, Config{Window: 1, ResponseTimeout: time.Minute, EnquireInterval: -1})
		if err := c.Go(t.Context(), submit("x"), nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Do(ctx, submit("y")); !errors.Is(err, ErrNotSent) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		go func() { time.Sleep(time.Second); _ = c.Close() }()
		if _, err := c.Do(context.Background(), submit("z")); !errors.Is(err, ErrNotSent) || !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSessionInitTimerEndsBothRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, wait := smpptest.Pipe(smpptest.NeverBind)
		began := time.Now()
		_, err := NewConn(context.Background(), nc, testBind, Config{SessionInitTimeout: 3 * time.Second})
		if !errors.Is(err, ErrSessionInit) {
			t.Errorf("the ESME: %v", err)
		}
		if d := time.Since(began); d < 3*time.Second || d > 4*time.Second {
			t.Errorf("the ESME gave up after %v", d)
		}
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Config: Config{SessionInitTimeout: 3 * time.Second}}
		nc, wait := smpptest.Pipe(func(p *smpptest.Peer) error {
			wire, err := smpptest.Encode(0, 0, 1, &pdu.BindTransceiver{SystemID: []byte("slow")})
			if err != nil {
				return err
			}
			for i := range wire { // one octet a second is no bind in time
				if p.Octets(wire[i:i+1]) != nil {
					return nil
				}
				time.Sleep(time.Second)
			}
			return errors.New("all of it was taken")
		})
		if err := s.ServeConn(nc); !errors.Is(err, ErrSessionInit) {
			t.Errorf("the server: %v", err)
		}
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}
