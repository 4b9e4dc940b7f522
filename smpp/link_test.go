package smpp

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

// operator answers a Link's dials with one script after the other, the last for ever.
type operator struct {
	t       *testing.T
	scripts []smpptest.Script
	mu      sync.Mutex
	dials   []time.Time
	last    func() error
}

var errDown = errors.New("connection refused")

func (o *operator) dial(context.Context, string) (net.Conn, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last != nil { // the old socket is closed before the new one is opened
		synctest.Wait()
		if err := o.last(); err != nil {
			o.t.Errorf("script %d: %v", len(o.dials), err)
		}
	}
	s := o.scripts[min(len(o.dials), len(o.scripts)-1)]
	o.dials = append(o.dials, time.Now())
	if o.last = nil; s == nil {
		return nil, errDown
	}
	var nc net.Conn
	nc, o.last = smpptest.Pipe(func(p *smpptest.Peer) error {
		p.Timeout = time.Hour
		return s(p)
	})
	return nc, nil
}

func (o *operator) times() []time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]time.Time(nil), o.dials...)
}

func (o *operator) link(cfg LinkConfig) (*Link, func() error) {
	cfg.Name, cfg.Bind, cfg.Dial = "test", testBind, o.dial
	cfg.Config.EnquireInterval = -1
	l := NewLink(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	synctest.Wait()
	return l, func() error {
		cancel()
		err := <-ended
		if o.last != nil {
			if e := o.last(); e != nil {
				o.t.Errorf("last script: %v", e)
			}
		}
		return err
	}
}

func TestLinkBindsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &operator{t: t, scripts: []smpptest.Script{
			nil, nil, smpptest.RefuseBind(pdu.StatusInvPaswd), smpptest.UnbindAfter(1), smpptest.Behave}}
		var states []LinkState
		l, stop := o.link(LinkConfig{MinBackoff: time.Second, MaxBackoff: 8 * time.Second,
			OnState: func(s LinkState) { states = append(states, s) }})
		s := l.State()
		if s.Bound || s.Attempts != 1 || !errors.Is(s.LastErr, errDown) {
			t.Errorf("at first: %+v", s)
		}
		_, err := l.Do(t.Context(), submit("x"))
		if !errors.Is(err, ErrNotSent) || !errors.Is(err, ErrNotBound) || !errors.Is(err, errDown) {
			t.Errorf("not bound: %v", err)
		}
		if err := l.Go(t.Context(), submit("x"), nil); !errors.Is(err, ErrNotSent) {
			t.Errorf("not bound: %v", err)
		}
		time.Sleep(time.Minute)
		if s := l.State(); !s.Bound || s.Attempts != 0 || len(o.times()) != 4 {
			t.Fatalf("after a minute: %+v after %d dials", s, len(o.times()))
		}
		var refused *StatusError
		if err := l.State().LastErr; !errors.As(err, &refused) || refused.Status != pdu.StatusInvPaswd {
			t.Errorf("the last error is %v", err)
		}
		if _, err := l.Do(t.Context(), submit("x")); err != nil {
			t.Error(err)
		}
		if _, err := l.Do(t.Context(), submit("meets the unbind")); !errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := l.Do(t.Context(), submit("x")); err != nil {
			t.Errorf("bound again: %v", err)
		}
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if _, err := l.Do(t.Context(), submit("x")); !errors.Is(err, ErrNotSent) {
			t.Errorf("after the end: %v", err)
		}
		var bound []bool
		for _, s := range states {
			bound = append(bound, s.Bound)
		}
		if len(bound) != 7 || !bound[3] || bound[4] || !bound[5] || bound[6] {
			t.Errorf("states %v", bound)
		}
	})
}

func TestLinkBacksOffWithJitterUpToItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &operator{t: t, scripts: []smpptest.Script{nil}}
		_, stop := o.link(LinkConfig{MinBackoff: time.Second, MaxBackoff: 8 * time.Second})
		time.Sleep(10 * time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		dials, different := o.times(), false
		for i := 1; i < len(dials); i++ {
			full := min(8*time.Second, time.Second<<min(i-1, 10))
			d := dials[i].Sub(dials[i-1])
			if d < full/2 || d > full {
				t.Errorf("wait %d is %v, not %v to %v", i, d, full/2, full)
			}
			different = different || i > 5 && d != dials[i-1].Sub(dials[i-2])
		}
		if len(dials) < 70 || !different {
			t.Errorf("%d dials, jitter %v", len(dials), different)
		}
	})
}

func TestLinkLeavesTimeToAnOperatorThatStillHasItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &operator{t: t, scripts: []smpptest.Script{smpptest.RefuseBind(pdu.StatusAlyBnd), smpptest.Behave}}
		l, stop := o.link(LinkConfig{MinBackoff: 10 * time.Millisecond, MaxBackoff: 40 * time.Second})
		time.Sleep(11 * time.Second)
		if !l.State().Bound {
			t.Errorf("%+v", l.State())
		}
		if d := o.times(); len(d) != 2 || d[1].Sub(d[0]) < 5*time.Second {
			t.Errorf("dials %v", d)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestLinkDrainsBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &operator{t: t, scripts: []smpptest.Script{smpptest.AnswerAfter(2 * time.Second)}}
		l, stop := o.link(LinkConfig{})
		answered := make(chan error, 1)
		go func() {
			_, err := l.Do(context.Background(), submit("x"))
			answered <- err
		}()
		synctest.Wait()
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := <-answered; err != nil {
			t.Errorf("the request under way: %v", err)
		}
	})
}

func TestLinkThatNobodyAnswersEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, script := range map[string]smpptest.Script{"before the bind": smpptest.NeverBind, "bound": smpptest.BlackHole} {
			o := &operator{t: t, scripts: []smpptest.Script{script}}
			_, stop := o.link(LinkConfig{DrainTimeout: time.Second})
			began := time.Now()
			_ = stop() // an error says that the unbind had no answer
			if d := time.Since(began); d > 2*time.Second {
				t.Errorf("%s: it took %v", name, d)
			}
		}
	})
}

func TestLinkRefusesABindThatNobodyCanSend(t *testing.T) {
	for name, b := range map[string]Bind{
		"a long password": {SystemID: "a", Password: "more than eight"},
		"no bind":         {Type: pdu.IDSubmitSM},
	} {
		if err := NewLink(LinkConfig{Bind: b}).Run(t.Context()); err == nil {
			t.Errorf("%s is tried", name)
		}
	}
}

func TestBindNeverShowsItsPassword(t *testing.T) {
	b := Bind{SystemID: "nyota", Password: "secret", Type: pdu.IDBindTransceiver}
	const want = `bind_transceiver of "nyota"`
	if b.String() != want || b.GoString() != want || b.LogValue().String() != want {
		t.Errorf("%s, %#v, %v", b, b, b.LogValue())
	}
}
