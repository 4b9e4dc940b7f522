package smpp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nyota/smpp/pdu"
	"nyota/smpp/smpptest"
)

func TestUrgentLanesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &centre{hold: make(chan struct{})}
		r := newRig(t, PoolConfig{}, o)
		res := r.give(Route{}, "1", "2", "3", "4") // the window
		for i := range 3 {
			r.add(res, t.Context(), Route{Lane: LaneBulk}, fmt.Sprint("bulk", i))
			r.add(res, t.Context(), Route{Lane: LaneConfirmation}, fmt.Sprint("confirm", i))
			r.add(res, t.Context(), Route{Lane: LaneAnswer}, fmt.Sprint("answer", i))
		}
		if s := r.Stats(); s.Queued != [lanes]int{3, 3, 3} {
			t.Errorf("queued %v", s.Queued)
		}
		for range 13 {
			o.hold <- struct{}{}
			synctest.Wait()
		}
		want := "1 2 3 4 answer0 answer1 answer2 confirm0 confirm1 confirm2 bulk0 bulk1 bulk2"
		if got := o.texts(); got != want {
			t.Errorf("sent %s", got)
		}
	})
}

func TestWeightsLeaveSomethingToLessUrgentLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &centre{hold: make(chan struct{})}
		r := newRig(t, PoolConfig{Weights: [lanes]int{3, 2, 1}}, o)
		res := r.give(Route{}, "1", "2", "3", "4") // the window
		for lane, name := range []string{"a", "c", "b"} {
			for i := range 6 {
				r.add(res, t.Context(), Route{Lane: Lane(lane)}, fmt.Sprint(name, i))
			}
		}
		for range 22 {
			o.hold <- struct{}{}
			synctest.Wait()
		}
		want := "1 2 3 4 a0 a1 a2 c0 c1 b0 a3 a4 a5 c2 c3 b1 c4 c5 b2 b3 b4 b5"
		if got := o.texts(); got != want {
			t.Errorf("sent %s", got)
		}
	})
}

func TestFullLaneSaysSoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, good := &centre{hold: make(chan struct{})}, &centre{}
		r := newRig(t, PoolConfig{
			Queue: [lanes]int{2, 2, 3},
			Links: []PoolLink{{Prefixes: []string{"2557"}}, {Prefixes: []string{"254"}}},
		}, stuck, good)
		res := r.give(Route{Lane: LaneBulk}, "1", "2", "3", "4", "a", "b", "c")
		began := time.Now()
		for range 3 {
			if _, err := r.Do(t.Context(), Route{Lane: LaneBulk}, to("255700000001", "x")); !errors.Is(err, ErrNotSent) || !errors.Is(err, ErrQueueFull) {
				t.Errorf("Do: %v", err)
			}
			if err := r.Go(t.Context(), Route{Lane: LaneBulk}, to("255700000001", "x"), nil); !errors.Is(err, ErrQueueFull) {
				t.Errorf("Go: %v", err)
			}
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("it took %v to say so", d)
		}
		r.add(res, t.Context(), Route{Lane: LaneAnswer}, "another lane has room")
		if _, err := r.Do(t.Context(), Route{Lane: LaneBulk}, to("254", "another link has too")); err != nil {
			t.Error(err)
		}
		if s := r.Stats(); s.Full != 6 || s.Queued != [lanes]int{1, 0, 3} {
			t.Errorf("%+v", s)
		}
	})
}

func TestRateIsKeptInSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &centre{}
		r := newRig(t, PoolConfig{Links: []PoolLink{{Rate: 5}}}, o)
		began := time.Now()
		res := r.give(Route{Lane: LaneBulk}, strings.Split("a b c d e f g h i j k", " ")...)
		long := to("1", "")
		long.TLVs = pdu.TLVs{{Tag: pdu.TagMessagePayload, Value: bytes.Repeat([]byte{'x'}, 400)}} // three segments
		if _, err := r.Do(t.Context(), Route{Lane: LaneBulk}, long); err != nil {
			t.Error(err)
		}
		if _, err := r.Do(t.Context(), Route{}, to("1", "after")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for i, at := range o.at[:11] {
			if d, want := at.Sub(began), time.Duration(i)*200*time.Millisecond; d < want || d > want+10*time.Millisecond {
				t.Errorf("message %d left after %v, want %v", i, d, want)
			}
		}
		if d := o.at[12].Sub(o.at[11]); d < 600*time.Millisecond || d > 610*time.Millisecond {
			t.Errorf("after three segments the next left after %v", d)
		}
		if err := res.of(t, "k"); err != nil {
			t.Error(err)
		}
	})
}

func TestWaitingEnds(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(ctx context.Context, r *rig) error
		want error
	}{
		{"Do by Route.Wait", func(ctx context.Context, r *rig) error {
			return second(r.Do(ctx, Route{Wait: 2 * time.Second}, to("1", "x")))
		}, ErrNoRoom},
		{"Do by its ctx", func(ctx context.Context, r *rig) error {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			return second(r.Do(ctx, Route{}, to("1", "x")))
		}, context.DeadlineExceeded},
		{"Go by Route.Wait", func(ctx context.Context, r *rig) error {
			return r.wait(ctx, Route{Wait: 2 * time.Second})
		}, ErrNoRoom},
		{"Go by its ctx", func(ctx context.Context, r *rig) error {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			return r.wait(ctx, Route{})
		}, context.DeadlineExceeded},
		{"Do with a ctx that has ended", func(ctx context.Context, r *rig) error {
			time.Sleep(2 * time.Second)
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return second(r.Do(ctx, Route{}, to("1", "x")))
		}, context.Canceled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &centre{hold: make(chan struct{})}
				r := newRig(t, PoolConfig{}, o)
				r.give(Route{}, "1", "2", "3", "4")
				began := time.Now()
				if err := tc.do(t.Context(), r); !errors.Is(err, ErrNotSent) || !errors.Is(err, tc.want) {
					t.Errorf("error %v", err)
				}
				if d := time.Since(began); d != 2*time.Second {
					t.Errorf("it took %v", d)
				}
				synctest.Wait()
				if strings.Contains(o.texts(), "x") {
					t.Error("it was sent")
				}
			})
		})
	}
}

// wait is Go and then its result.
func (r *rig) wait(ctx context.Context, route Route) error {
	result := make(chan error, 1)
	if err := r.Go(ctx, route, to("1", "x"), func(_ pdu.PDU, err error) { result <- err }); err != nil {
		return err
	}
	return <-result
}

func TestGivingUpWhatWasSentIsAnUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &centre{hold: make(chan struct{})}
		r := newRig(t, PoolConfig{}, o)
		for i, want := range []error{ErrUnknownOutcome, ErrUnknownOutcome, ErrNotSent} {
			// The centre has the first, the network the second; the third is in
			// the connection's queue and comes out of it again.
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := r.Do(ctx, Route{}, to("1", fmt.Sprint(i))); !errors.Is(err, want) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("request %d: %v", i, err)
			}
			cancel()
		}
		if s := r.Stats(); s.Links[0].InFlight != 2 {
			t.Errorf("%+v", s)
		}
		for range 2 {
			o.hold <- struct{}{}
		}
		synctest.Wait()
		if s := r.Stats(); s.Links[0].InFlight != 0 {
			t.Errorf("after the late responses: %+v", s)
		}
		if got := o.texts(); got != "0 1" {
			t.Errorf("sent %q", got)
		}
	})
}

func TestDrainEndsWhatIsUnderWayAndMovesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &centre{hold: make(chan struct{})}, &centre{}
		r := newRig(t, PoolConfig{Links: []PoolLink{{Prefixes: []string{"255"}}, {}}}, a, b)
		res := r.give(Route{}, "1", "2", "3", "4", "5", "6")
		drained := make(chan error, 1)
		go func() { drained <- r.Drain(t.Context(), "link0") }()
		synctest.Wait()
		if got := b.texts(); got != "5 6" {
			t.Errorf("the other link carried %q", got)
		}
		select {
		case err := <-drained:
			t.Errorf("drained too early: %v", err)
		default:
		}
		for range 4 {
			a.hold <- struct{}{}
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for _, name := range []string{"1", "4", "5", "6"} {
			if err := res.of(t, name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s := r.Stats(); !s.Links[0].Draining {
			t.Errorf("%+v", s)
		}
		if err := r.Resume("link0"); err != nil {
			t.Error(err)
		}
		r.add(res, t.Context(), Route{}, "7")
		synctest.Wait()
		if got := a.texts(); got != "1 2 3 4 7" {
			t.Errorf("resumed, it carried %q", got)
		}
		if err := errors.Join(r.Drain(t.Context(), "none"), r.Resume("none")); !errors.Is(err, errNoLink) {
			t.Errorf("a link that is not there: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Drain(ctx, "link0"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a drain that does not end: %v", err)
		}
	})
}

func TestCloseFinishesWhatItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &centre{hold: make(chan struct{})}
		r := newRig(t, PoolConfig{}, o)
		res := r.give(Route{}, "1", "2", "3", "4", "waits", "waits too")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		closed := make(chan error, 1)
		go func() { closed <- r.Close(ctx) }()
		synctest.Wait()
		if _, err := r.Do(t.Context(), Route{}, to("1", "new")); !errors.Is(err, ErrNotSent) || !errors.Is(err, ErrClosed) {
			t.Errorf("a new request: %v", err)
		}
		o.hold <- struct{}{} // one is answered, one more leaves
		if err := <-closed; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		if err := res.of(t, "waits too"); !errors.Is(err, ErrNotSent) || !errors.Is(err, ErrClosed) {
			t.Errorf("what waited: %v", err)
		}
		for range 4 {
			o.hold <- struct{}{}
		}
		synctest.Wait()
		for _, name := range []string{"1", "2", "3", "4", "waits"} {
			if err := res.of(t, name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := r.Close(t.Context()); err != nil {
			t.Errorf("closing twice: %v", err)
		}
	})
}

func TestCongestedCentreIsSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &centre{answer: func(n int, q *pdu.SubmitSM) (pdu.Status, *pdu.SubmitSMResp) {
			state := byte(20)
			if n == 0 {
				state = 100
			}
			return 0, &pdu.SubmitSMResp{MessageID: []byte("1"), TLVs: pdu.TLVs{{Tag: pdu.TagCongestionState, Value: []byte{state}}}}
		}}
		r := newRig(t, PoolConfig{}, o)
		if _, err := r.Do(t.Context(), Route{}, to("1", "first")); err != nil {
			t.Error(err)
		}
		if s := r.Stats().Links[0]; s.Congestion != 100 || s.Limit != 1 || s.Paused != time.Second || s.Slowdowns != 1 {
			t.Errorf("%+v", s)
		}
		began := time.Now()
		if _, err := r.Do(t.Context(), Route{}, to("1", "second")); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d != time.Second {
			t.Errorf("the next left after %v", d)
		}
		if s := r.Stats().Links[0]; s.Congestion != 20 || s.Limit != 2 || s.Paused != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestReceiptsFindTheirMessageAcrossBinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took []Receipt
		a, b := &centre{}, &centre{}
		forms := PoolLink{Centre: "one", ResponseIDs: pdu.IDHexadecimal, ReceiptIDs: pdu.IDDecimal}
		r := newRig(t, PoolConfig{
			Links:    []PoolLink{forms, forms},
			Receipts: ReceiptConfig{Take: func(c Receipt) { took = append(took, c) }},
		}, a, b)
		deliver := func(link int, id string, state uint8) bool {
			receipt := pdu.Receipt{ID: id, State: state}
			_, ok := r.Receipt(r.links[link], &pdu.DeliverSM{ESMClass: pdu.ESMTypeReceipt, ShortMessage: receipt.AppendText(nil)})
			return ok
		}
		answer := func(_ int, q *pdu.SubmitSM) (pdu.Status, *pdu.SubmitSMResp) {
			if string(q.ShortMessage) == "early" { // its receipt overtakes the response
				deliver(1, "65535", pdu.StateDelivered)
				return 0, &pdu.SubmitSMResp{MessageID: []byte("FFFF")}
			}
			return 0, &pdu.SubmitSMResp{MessageID: []byte("1f")}
		}
		a.answer, b.answer = answer, answer
		if _, err := r.Do(t.Context(), Route{Ref: "early one"}, to("1", "early")); err != nil {
			t.Error(err)
		}
		if len(took) != 1 || took[0].Ref != "early one" || took[0].Link != "link1" || took[0].State != pdu.StateDelivered {
			t.Errorf("taken: %+v", took)
		}
		if _, err := r.Do(t.Context(), Route{Ref: "late one", Prefer: r.links[0]}, to("1", "late")); err != nil {
			t.Error(err)
		}
		if !deliver(1, "31", pdu.StateUndeliverable) { // on the other bind
			t.Error("a receipt was not known for one")
		}
		if len(took) != 2 || took[1].Ref != "late one" || took[1].State != pdu.StateUndeliverable {
			t.Errorf("taken: %+v", took)
		}
		if _, err := r.Do(t.Context(), Route{}, to("1", "nobody asks")); err != nil {
			t.Error(err)
		}
		for name, body := range map[string]pdu.Body{
			"a message":               &pdu.DeliverSM{ShortMessage: []byte("id:1 stat:DELIVRD")},
			"one that cannot be read": &pdu.DeliverSM{ESMClass: pdu.ESMTypeReceipt, ShortMessage: []byte("hello")},
			"another PDU":             &pdu.AlertNotification{},
		} {
			if _, ok := r.Receipt(r.links[0], body); ok {
				t.Errorf("%s is taken for a receipt", name)
			}
		}
		if s := r.Stats().Receipts; s != (ReceiptStats{Matched: 2, Early: 1}) {
			t.Errorf("%+v", s)
		}
	})
}

func TestPoolRefusesAWrongConfiguration(t *testing.T) {
	link := func(name string) *Link { return NewLink(LinkConfig{Name: name}) }
	used := link("used")
	if _, err := NewPool(PoolConfig{Links: []PoolLink{{Link: used}}}); err != nil {
		t.Fatal(err)
	}
	free := link("free")
	many := make([]PoolLink, 65)
	for name, links := range map[string][]PoolLink{
		"no link":          {{}},
		"one name twice":   {{Link: link("a")}, {Link: link("a")}},
		"a negative rate":  {{Link: link("a"), Rate: -1}},
		"a prefix of none": {{Link: link("a"), Prefixes: []string{""}}},
		"a bad prefix":     {{Link: link("a"), Prefixes: []string{"+255"}}},
		"in another pool":  {{Link: free}, {Link: used}},
		"too many":         many,
	} {
		if _, err := NewPool(PoolConfig{Links: links}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := NewPool(PoolConfig{Links: []PoolLink{{Link: free}}}); err != nil {
		t.Errorf("a link of a pool that was refused is not free: %v", err)
	}
}

func TestPoolEndsWithALinkThatCannotRun(t *testing.T) {
	p, err := NewPool(PoolConfig{Links: []PoolLink{{Link: NewLink(LinkConfig{Bind: Bind{SystemID: strings.Repeat("x", 99)}})}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err == nil {
		t.Error("it ran")
	}
}

// Hostile centres and impatient callers: every request has exactly one result, and
// nothing is left. None is seen twice by centres that took it.
func TestPoolAmongHostileCentres(t *testing.T) {
	scripts := [][]smpptest.Script{
		{smpptest.Behave},
		{smpptest.UnbindAfter(7), smpptest.Behave, smpptest.UnbindAfter(3)},
		{smpptest.RefuseSubmit(pdu.StatusThrottled, true)},
		{smpptest.HalfPDU(20), smpptest.Length(5), smpptest.BlackHole, smpptest.Behave},
		{smpptest.Nack(pdu.StatusSysErr, true), smpptest.MalformedBody, smpptest.AnswerTwice},
		{smpptest.RefuseBind(pdu.StatusAlyBnd), smpptest.UnknownParameters},
	}
	var links []PoolLink
	bound := make(chan struct{})
	var first sync.Once
	for i, s := range scripts {
		peer, err := smpptest.Listen(s...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = peer.Close() })
		links = append(links, PoolLink{Rate: float64(i%2) * 20000, Link: NewLink(LinkConfig{
			Name: fmt.Sprint(i), Addr: peer.Addr(), Bind: testBind,
			Config:     Config{Window: 3, ResponseTimeout: 50 * time.Millisecond, EnquireInterval: 30 * time.Millisecond},
			MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond, DrainTimeout: time.Second,
			OnState: func(s LinkState) {
				if i == 0 && s.Bound {
					first.Do(func() { close(bound) })
				}
			},
		})})
	}
	p, err := NewPool(PoolConfig{Links: links, DrainTimeout: time.Second, Queue: [lanes]int{20, 20, 20},
		Retries: map[pdu.Status]Retry{
			pdu.StatusThrottled: {After: time.Millisecond, Pause: true, KeepOrder: true, Tries: 4},
			pdu.StatusSysErr:    {After: time.Millisecond, Tries: 2},
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	<-bound

	var given, told atomic.Int64
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := range 200 {
				body := to(fmt.Sprint(255700000000+i), fmt.Sprint(worker, " ", i))
				route := Route{Lane: Lane(i % 3), Prefer: links[i%len(links)].Link, Wait: time.Duration(i%4) * 10 * time.Millisecond}
				rctx, stop := context.WithTimeout(t.Context(), time.Duration(5+i%60)*time.Millisecond)
				given.Add(1)
				check := func(err error) {
					told.Add(1)
					switch {
					case err == nil:
					case errors.Is(err, ErrNotSent) == errors.Is(err, ErrUnknownOutcome) && statusError(err) == nil:
						t.Errorf("what became of it: %v", err)
					}
				}
				if i%2 == 0 {
					_, err := p.Do(rctx, route, body)
					check(err)
				} else {
					done := make(chan struct{})
					err := p.Go(rctx, route, body, func(_ pdu.PDU, err error) { check(err); close(done) })
					if err != nil {
						check(err)
					} else if i%10 == 1 {
						<-done
					}
				}
				if i%4 != 3 {
					stop()
				} else {
					defer stop()
				}
			}
		})
	}
	wg.Wait()
	for { // the good one among them still serves
		_, err := p.Do(t.Context(), Route{Prefer: links[0].Link, Wait: 10 * time.Second}, to("255700000001", "last"))
		if err == nil {
			break
		}
		if t.Context().Err() != nil || t.Failed() {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if given.Load() != told.Load() {
		t.Errorf("%d requests, %d results", given.Load(), told.Load())
	}
	s := p.Stats()
	if s.Queued != [lanes]int{} {
		t.Errorf("left waiting: %v", s.Queued)
	}
	for _, l := range s.Links {
		if l.InFlight != 0 {
			t.Errorf("left in flight: %+v", l)
		}
	}
}
