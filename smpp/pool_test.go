package smpp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

// centre is a message centre on one end of a pipe. What it answers is the test's.
type centre struct {
	mu     sync.Mutex
	came   []string    // texts of submit_sm, in order
	at     []time.Time // when
	answer func(n int, q *pdu.SubmitSM) (pdu.Status, *pdu.SubmitSMResp)
	hold   chan struct{} // if not nil: each answer takes one
	peer   *smpptest.Peer
	dials  int
	refuse bool // connections
	hangup chan struct{}
}

func (o *centre) serve(p *smpptest.Peer) error {
	p.Timeout = 24 * time.Hour
	if _, err := p.AcceptBind(); err != nil {
		return err
	}
	o.mu.Lock()
	o.peer = p
	o.mu.Unlock()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		q, err := p.Read()
		if err != nil {
			return nil
		}
		switch b := q.Body.(type) {
		case *pdu.Unbind:
			return p.Send(0, q.Sequence, &pdu.UnbindResp{})
		case *pdu.QuerySM:
			err = p.Send(0, q.Sequence, &pdu.QuerySMResp{})
		case *pdu.SubmitSM:
			o.mu.Lock()
			n := len(o.came)
			o.came, o.at = append(o.came, string(b.ShortMessage)), append(o.at, time.Now())
			o.mu.Unlock()
			if o.hold != nil {
				select {
				case <-o.hold:
				case <-o.hangup:
					return nil
				}
			}
			status, resp := pdu.Status(0), &pdu.SubmitSMResp{MessageID: b.ShortMessage}
			if o.answer != nil {
				status, resp = o.answer(n, b)
			}
			if resp == nil {
				err = p.Header(pdu.Header{ID: pdu.IDSubmitSMResp, Status: status, Sequence: q.Sequence})
			} else {
				err = p.Send(status, q.Sequence, resp)
			}
		}
		if err != nil {
			return nil
		}
	}
}

func (o *centre) texts() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.came, " ")
}

// rig is a Pool over centres.
type rig struct {
	*Pool
	t       *testing.T
	links   []*Link
	centres []*centre
}

// newRig runs a Pool over as many links as there are centres, in a bubble.
func newRig(t *testing.T, cfg PoolConfig, centres ...*centre) *rig {
	t.Helper()
	r := &rig{t: t, centres: centres}
	for len(cfg.Links) < len(centres) {
		cfg.Links = append(cfg.Links, PoolLink{})
	}
	var waits []func() error
	var mu sync.Mutex
	for i, o := range centres {
		o.hangup = make(chan struct{})
		r.links = append(r.links, NewLink(LinkConfig{
			Name: fmt.Sprint("link", i), Bind: testBind, MinBackoff: time.Second, MaxBackoff: time.Second,
			Config: Config{Window: 4, EnquireInterval: -1},
			Dial: func(context.Context, string) (net.Conn, error) {
				o.mu.Lock()
				o.dials++
				refuse := o.refuse
				o.mu.Unlock()
				if refuse {
					return nil, errDown
				}
				nc, wait := smpptest.Pipe(o.serve)
				mu.Lock()
				waits = append(waits, wait)
				mu.Unlock()
				return nc, nil
			},
		}))
		cfg.Links[i].Link = r.links[i]
	}
	var err error
	if r.Pool, err = NewPool(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	synctest.Wait()
	t.Cleanup(func() {
		cancel()
		for _, o := range centres {
			if o.hold != nil {
				close(o.hold)
			}
		}
		if err := <-ended; err != nil {
			t.Errorf("the pool ended with %v", err)
		}
		for _, wait := range waits {
			if err := wait(); err != nil {
				t.Errorf("a centre: %v", err)
			}
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.pending != 0 || r.waiting != 0 || len(r.delayed) != 0 || r.queued != [lanes]int{} {
			t.Errorf("left in the books: %d pending, %d waiting, %d delayed, %v queued", r.pending, r.waiting, len(r.delayed), r.queued)
		}
		for _, m := range r.members {
			if m.inflight != 0 {
				t.Errorf("%s: %d left in flight", m.link.Name(), m.inflight)
			}
		}
	})
	return r
}

// to is a message to a number.
func to(dest, text string) *pdu.SubmitSM {
	return &pdu.SubmitSM{DestinationAddr: []byte(dest), ShortMessage: []byte(text)}
}

// results collects what became of requests, by name.
type results struct {
	mu  sync.Mutex
	err map[string]error
	seq []string // names in the order of their results
}

// give sends texts in order without waiting.
func (r *rig) give(route Route, texts ...string) *results {
	r.t.Helper()
	res := &results{err: map[string]error{}}
	for _, text := range texts {
		r.add(res, r.t.Context(), route, text)
	}
	return res
}

func (r *rig) add(res *results, ctx context.Context, route Route, text string) {
	r.t.Helper()
	err := r.Go(ctx, route, to("255700000001", text), func(_ pdu.PDU, err error) {
		res.mu.Lock()
		defer res.mu.Unlock()
		res.err[text] = err
		res.seq = append(res.seq, text)
	})
	if err != nil {
		r.t.Errorf("%s: %v", text, err)
	}
}

func (r *results) of(t *testing.T, name string) error {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	err, ok := r.err[name]
	if !ok {
		t.Fatalf("%s has no result", name)
	}
	return err
}

func TestPoolRoutesByPrefixAndService(t *testing.T) {
	links := func() []PoolLink {
		return []PoolLink{
			{},
			{Prefixes: []string{"25571", "25565"}},
			{Prefixes: []string{"2557"}, Services: []Service{ServiceSMS}},
			{Services: []Service{ServiceUSSD}},
		}
	}
	for _, tc := range []struct {
		name, dest string
		service    Service
		down       []int
		want       []int // links that may carry it; none: ErrNotSent
	}{
		{"the longest prefix wins", "255710000001", ServiceSMS, nil, []int{1}},
		{"another of its prefixes", "255650000001", ServiceSMS, nil, []int{1}},
		{"a shorter prefix", "255720000001", ServiceSMS, nil, []int{2}},
		{"no prefix", "254720000001", ServiceSMS, nil, []int{0}},
		{"a plus", "+255710000001", ServiceSMS, nil, []int{1}},
		{"an international prefix", "00255710000001", ServiceSMS, nil, []int{1}},
		{"the longest is down", "255710000001", ServiceSMS, []int{1}, []int{2}},
		{"both are down", "255710000001", ServiceSMS, []int{1, 2}, []int{0}},
		{"the shorter is down", "255720000001", ServiceSMS, []int{2}, []int{0}},
		{"the rest for the rest", "254720000001", ServiceSMS, []int{0}, nil},
		{"all are down", "255710000001", ServiceSMS, []int{0, 1, 2, 3}, nil},
		{"USSD has links of its own", "254720000001", ServiceUSSD, nil, []int{0, 3}},
		{"USSD with a prefix", "255650000001", ServiceUSSD, nil, []int{1}},
		{"USSD does not take what is for SMS", "255720000001", ServiceUSSD, []int{0}, []int{3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				centres := []*centre{{}, {}, {}, {}}
				for _, i := range tc.down {
					centres[i].refuse = true
				}
				r := newRig(t, PoolConfig{Links: links()}, centres...)
				_, err := r.Do(t.Context(), Route{Service: tc.service}, to(tc.dest, "x"))
				if tc.want == nil {
					if !errors.Is(err, ErrNotSent) || !errors.Is(err, ErrNotBound) {
						t.Errorf("error %v", err)
					}
				} else if err != nil {
					t.Error(err)
				}
				for i, o := range centres {
					if o.texts() != "" && !slices.Contains(tc.want, i) {
						t.Errorf("link %d carried it", i)
					}
				}
			})
		})
	}
}

func TestPoolRefusesWhatNoLinkCarries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, PoolConfig{Links: []PoolLink{{Prefixes: []string{"255"}, Services: []Service{ServiceSMS}}}}, &centre{})
		for name, err := range map[string]error{
			"another prefix":  second(r.Do(t.Context(), Route{}, to("254", "x"))),
			"another service": second(r.Do(t.Context(), Route{Service: ServiceUSSD}, to("255", "x"))),
			"no such service": second(r.Do(t.Context(), Route{Service: 9}, to("255", "x"))),
		} {
			if !errors.Is(err, ErrNotSent) || !errors.Is(err, ErrNoRoute) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, b := range map[string]pdu.Body{
			"no body": nil, "a bind": &pdu.BindReceiver{}, "a response": &pdu.SubmitSMResp{}, "no response to it": &pdu.Outbind{},
			"what cannot be encoded": to("255", strings.Repeat("x", 300)), "what an ESME does not ask": &pdu.DeliverSM{},
		} {
			if _, err := r.Do(t.Context(), Route{}, b); !errors.Is(err, ErrNotSent) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := r.Do(t.Context(), Route{}, to("2551", "good")); err != nil {
			t.Errorf("a good one after them: %v", err)
		}
	})
}

func second[A any](_ A, err error) error { return err }

func TestPoolPrefersTheLinkOfTheDialogue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &centre{}, &centre{}
		r := newRig(t, PoolConfig{Links: []PoolLink{{Prefixes: []string{"25571"}}, {}}}, a, b)
		for range 3 { // its prefix is another link's
			if _, err := r.Do(t.Context(), Route{Prefer: r.links[1]}, to("25571", "x")); err != nil {
				t.Error(err)
			}
		}
		if b.texts() != "x x x" {
			t.Errorf("the preferred link carried %q", b.texts())
		}
		// No link has the prefix, but the dialogue came over this one.
		if _, err := r.Do(t.Context(), Route{Prefer: r.links[0]}, to("254", "y")); err != nil || a.texts() != "y" {
			t.Errorf("%v, carried %q", err, a.texts())
		}
		// About a message that went over this one.
		if _, err := r.Do(t.Context(), Route{Prefer: r.links[0]}, &pdu.QuerySM{MessageID: []byte("y")}); err != nil {
			t.Error(err)
		}
		if err := r.Drain(t.Context(), "link1"); err != nil {
			t.Error(err)
		}
		if _, err := r.Do(t.Context(), Route{Prefer: r.links[1]}, to("25571", "z")); err != nil || a.texts() != "y z" {
			t.Errorf("another link answers: %v, carried %q", err, a.texts())
		}
		if _, err := r.Do(t.Context(), Route{Prefer: r.links[1]}, &pdu.QuerySM{MessageID: []byte("x")}); !errors.Is(err, ErrNotSent) {
			t.Errorf("a query went elsewhere: %v", err)
		}
	})
}

func TestPoolFailsOverOnlyWhatWasNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &centre{hold: make(chan struct{})}
		good := &centre{}
		r := newRig(t, PoolConfig{Links: []PoolLink{{Prefixes: []string{"255"}}, {}}}, stuck, good)
		// The centre takes the first and reads no further: the second is given to
		// the network, and the third waits behind it.
		res := r.give(Route{}, "read")
		synctest.Wait()
		r.add(res, t.Context(), Route{}, "written")
		synctest.Wait()
		r.add(res, t.Context(), Route{}, "queued")
		synctest.Wait()
		close(stuck.hangup)
		synctest.Wait()
		for _, name := range []string{"read", "written"} {
			if err := res.of(t, name); !errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := res.of(t, "queued"); err != nil {
			t.Errorf("queued: %v", err)
		}
		if good.texts() != "queued" {
			t.Errorf("the other link carried %q", good.texts())
		}
		if s := r.Stats(); s.FailedOver != 1 || s.Sent != 4 {
			t.Errorf("%+v", s)
		}
	})
}

func TestPoolTellsAtOnceThatWhatWaitedHasNoLinkLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &centre{hold: make(chan struct{})}
		r := newRig(t, PoolConfig{}, o)
		o.refuse = true
		res := r.give(Route{}, "1", "2", "3", "4", "waits", "waits too")
		close(o.hangup)
		synctest.Wait()
		for _, name := range []string{"waits", "waits too"} {
			if err := res.of(t, name); !errors.Is(err, ErrNotSent) {
				t.Errorf("%s: %v", name, err)
			}
		}
		o.hold = nil
	})
}

func TestThrottlingPausesTheBindAndKeepsTheOrder(t *testing.T) {
	for _, status := range []pdu.Status{pdu.StatusThrottled, pdu.StatusMsgQFul} {
		t.Run(status.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &centre{hold: make(chan struct{})}
				began := time.Now()
				var took []string
				o.answer = func(n int, q *pdu.SubmitSM) (pdu.Status, *pdu.SubmitSMResp) {
					if n <= 4 { // the first window, and the first after the pause
						return status, nil
					}
					took = append(took, string(q.ShortMessage))
					return 0, &pdu.SubmitSMResp{MessageID: q.ShortMessage}
				}
				r := newRig(t, PoolConfig{}, o)
				texts := strings.Split("a b c d e f g h", " ")
				res := r.give(Route{}, texts...)
				synctest.Wait() // a whole window is under way before the first answer
				stop := make(chan struct{})
				var feeder sync.WaitGroup
				feeder.Go(func() {
					for {
						select {
						case o.hold <- struct{}{}:
						case <-stop:
							return
						}
					}
				})
				time.Sleep(10 * time.Second)
				close(stop)
				feeder.Wait()
				for _, text := range texts {
					if err := res.of(t, text); err != nil {
						t.Errorf("%s: %v", text, err)
					}
				}
				if !slices.Equal(took, texts) {
					t.Errorf("accepted in the order %v", took)
				}
				// A second after the first refusals one was tried, two seconds later
				// the next.
				if d := o.at[4].Sub(began); d < time.Second || d > 1100*time.Millisecond {
					t.Errorf("tried again after %v", d)
				}
				if d := o.at[5].Sub(o.at[4]); d < 2*time.Second || d > 2100*time.Millisecond {
					t.Errorf("and again after %v", d)
				}
				if s := r.Stats(); s.Retried != 5 || s.Links[0].Slowdowns != 2 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestRefusalsFollowTheTable(t *testing.T) {
	for _, tc := range []struct {
		name    string
		status  pdu.Status
		retries map[pdu.Status]Retry
		tries   int
		took    time.Duration
	}{
		{"a status that is not in it", pdu.StatusInvDstAdr, nil, 1, 0},
		{"a system error is not in the default one", pdu.StatusSysErr, nil, 1, 0},
		{"passing trouble, three tries", pdu.StatusXTAppn, nil, 3, 2 * time.Second},
		{"an own table", pdu.StatusSysErr, map[pdu.Status]Retry{pdu.StatusSysErr: {After: time.Minute, Tries: 2}}, 2, time.Minute},
		{"an own table without throttling", pdu.StatusThrottled, map[pdu.Status]Retry{}, 1, 0},
		{"a pause that ends", pdu.StatusThrottled, map[pdu.Status]Retry{pdu.StatusThrottled: {After: time.Second, Pause: true, Tries: 3}}, 3, 3 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &centre{answer: func(int, *pdu.SubmitSM) (pdu.Status, *pdu.SubmitSMResp) { return tc.status, nil }}
				r := newRig(t, PoolConfig{Retries: tc.retries}, o)
				began := time.Now()
				_, err := r.Do(t.Context(), Route{}, to("1", "x"))
				var refused *StatusError
				if !errors.As(err, &refused) || refused.Status != tc.status {
					t.Errorf("error %v", err)
				}
				if d := time.Since(began); len(o.came) != tc.tries || d < tc.took || d > tc.took+100*time.Millisecond {
					t.Errorf("%d tries in %v, want %d in %v", len(o.came), d, tc.tries, tc.took)
				}
			})
		})
	}
}

func TestThrottledRequestEndsWithThePeersAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &centre{answer: func(int, *pdu.SubmitSM) (pdu.Status, *pdu.SubmitSMResp) {
			return pdu.StatusThrottled, &pdu.SubmitSMResp{MessageID: []byte("no")}
		}}
		r := newRig(t, PoolConfig{}, o)
		for name, do := range map[string]func() error{
			"its ctx ends": func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				return second(r.Do(ctx, Route{}, to("1", "x")))
			},
			"its wait ends": func() error { return second(r.Do(t.Context(), Route{Wait: 5 * time.Second}, to("1", "x"))) },
		} {
			var refused *StatusError
			if err := do(); !errors.As(err, &refused) || !refused.Throttled() || errors.Is(err, ErrNotSent) {
				t.Errorf("%s: %v", name, err)
			}
			time.Sleep(time.Minute)
		}
	})
}
