package sms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"nyota/sessions"
	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// phone is a link that answers as its test says, and keeps what was submitted.
type phone struct {
	mu     sync.Mutex
	got    []*pdu.SubmitSM
	route  smpp.Route // of the last
	answer func(n int) error
}

func (p *phone) Do(_ context.Context, r smpp.Route, b pdu.Body) (pdu.PDU, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.route = r
	s, ok := b.(*pdu.SubmitSM)
	if !ok {
		return pdu.PDU{}, errors.New("not a submit_sm")
	}
	p.got = append(p.got, s.Clone())
	if p.answer != nil {
		if err := p.answer(len(p.got)); err != nil {
			return pdu.PDU{}, err
		}
	}
	return pdu.PDU{Body: &pdu.SubmitSMResp{MessageID: []byte("id-1")}}, nil
}

type bench struct {
	*Sender
	t     *testing.T
	phone *phone
	mu    sync.Mutex
	clock time.Time
}

const owner = "255700000001"

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, phone: &phone{}, clock: time.Now()}
	store, err := sessions.OpenEmbedded(t.TempDir(), sessions.EmbeddedOptions{Now: b.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b.Sender = New(Config{Store: store, Links: []Link{{Submit: b.phone, Source: "NYOTA"}}, Worker: "w",
		Lease: 25 * time.Second, Response: 9 * time.Second, Now: b.now})
	return b
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock = b.clock.Add(d)
}

// owe stores a notice that is leased to this process, as the ledger does.
func (b *bench) owe(text string) sessions.Notice {
	b.t.Helper()
	n := sessions.Notice{ID: "a/customer/done", Action: "a", Owner: owner, To: owner, Role: "customer",
		Text: text, State: sessions.NoticePending, Created: b.now(), Due: b.now().Add(b.Lease)}
	if err := b.Store.Put(b.t.Context(), &n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// due submits everything that is due in the store.
func (b *bench) due() int {
	b.t.Helper()
	b.claim(b.t.Context(), b.now())
	n := 0
	for len(b.fresh) > 0 {
		b.send(b.t.Context(), <-b.fresh)
		n++
	}
	return n
}

func TestM5NoticeIsSubmittedOnceAndThenNeverAgain(t *testing.T) {
	b := newBench(t)
	b.send(t.Context(), b.owe("QK1 confirmed."))
	if len(b.phone.got) != 1 {
		t.Fatalf("%d submits", len(b.phone.got))
	}
	s := b.phone.got[0]
	if string(s.ShortMessage) != "QK1 confirmed." || string(s.DestinationAddr) != owner || string(s.SourceAddr) != "NYOTA" ||
		s.SourceAddrTON != tonAlphanumeric || s.DestAddrTON != tonInternational || s.DataCoding != text.DCSDefault || s.ESMClass != 0 {
		t.Errorf("%+v", s)
	}
	b.advance(time.Hour)
	if n := b.due(); n != 0 {
		t.Errorf("%d notices are still due", n)
	}
}

func TestM5NoticeOfADeadProcessIsDeliveredWhenItsLeaseEnds(t *testing.T) {
	b := newBench(t)
	b.owe("text") // and its process dies
	b.advance(24 * time.Second)
	if b.due() != 0 {
		t.Fatal("taken over while it was leased")
	}
	b.advance(2 * time.Second)
	if b.due() != 1 || len(b.phone.got) != 1 {
		t.Fatalf("%d submits", len(b.phone.got))
	}
}

func TestM5SecondSubmitIsByteIdenticalAndOnlyAfterAnUnknownOutcome(t *testing.T) {
	long := strings.Repeat("You received TZS 5,000 from 0700000001. ", 8)
	for _, tc := range []struct {
		name    string
		first   error
		pause   time.Duration
		submits int
		state   sessions.NoticeState
		tries   uint32
	}{
		{"unknown outcome", fmt.Errorf("%w: timeout", smpp.ErrUnknownOutcome), 2 * time.Second, 2, sessions.NoticeSubmitted, 1},
		{"not sent", fmt.Errorf("%w: not bound", smpp.ErrNotSent), 2 * time.Second, 2, sessions.NoticeSubmitted, 0},
		{"throttled", &smpp.StatusError{Status: pdu.StatusThrottled}, 2 * time.Second, 2, sessions.NoticeSubmitted, 1},
		{"refused for good", &smpp.StatusError{Status: pdu.StatusInvDstAdr}, time.Hour, 1, sessions.NoticeFailed, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.phone.answer = func(n int) error {
				if n == 1 {
					return tc.first
				}
				return nil
			}
			b.send(t.Context(), b.owe("short"))
			b.advance(tc.pause)
			b.due()
			if len(b.phone.got) != tc.submits {
				t.Fatalf("%d submits, want %d", len(b.phone.got), tc.submits)
			}
			if tc.submits == 2 {
				if diff := cmp.Diff(b.phone.got[0], b.phone.got[1]); diff != "" {
					t.Errorf("the second submit differs:\n%s", diff)
				}
			}
			b.advance(time.Hour)
			if b.due() != 0 {
				t.Error("it is submitted for ever")
			}
		})
	}
	t.Run("long ones too", func(t *testing.T) {
		b := newBench(t)
		fail := true
		b.phone.answer = func(n int) error {
			if fail && n == 2 {
				return fmt.Errorf("%w: timeout", smpp.ErrUnknownOutcome)
			}
			return nil
		}
		b.send(t.Context(), b.owe(long))
		fail = false
		first := b.phone.got
		b.phone.got = nil
		b.advance(2 * time.Second)
		b.due()
		again := b.phone.got
		if len(again) != 3 || len(first) != 2 {
			t.Fatalf("%d then %d parts", len(first), len(again))
		}
		for i := range first {
			if diff := cmp.Diff(first[i], again[i]); diff != "" {
				t.Errorf("part %d differs:\n%s", i, diff)
			}
			if first[i].ESMClass != esmUDHI {
				t.Error("a part without its header")
			}
		}
	})
}

func TestM5NothingIsSubmittedNearTheEndOfTheLease(t *testing.T) {
	b := newBench(t)
	n := b.owe("text")
	b.advance(10 * time.Second) // a response could come after the lease
	b.send(t.Context(), n)
	if len(b.phone.got) != 0 {
		t.Error("submitted although another process could claim it meanwhile")
	}
}

func TestSecondLinkIsTriedOnlyWhenTheFirstSentNothing(t *testing.T) {
	for err, want := range map[error]int{
		fmt.Errorf("%w: not bound", smpp.ErrNotSent):      1,
		fmt.Errorf("%w: timeout", smpp.ErrUnknownOutcome): 0,
	} {
		b := newBench(t)
		b.phone.answer = func(int) error { return err }
		second := &phone{}
		b.Links = append(b.Links, Link{Submit: second, Source: "15000"})
		b.send(t.Context(), b.owe("text"))
		if len(second.got) != want {
			t.Errorf("after %v: %d submits on the second link, want %d", err, len(second.got), want)
		}
		if want == 1 && (second.got[0].SourceAddrTON != tonUnknown || string(second.got[0].SourceAddr) != "15000") {
			t.Errorf("%+v", second.got[0])
		}
	}
}

func TestReceiptsAreAskedForOnlyWhereConfigured(t *testing.T) {
	for _, asked := range []bool{false, true} {
		b := newBench(t)
		b.Links[0].Receipts = asked
		b.send(t.Context(), b.owe(strings.Repeat("long ", 60)))
		if len(b.phone.got) != 2 {
			t.Fatalf("%d parts", len(b.phone.got))
		}
		want, ref := uint8(pdu.ReceiptNone), ""
		if asked {
			want, ref = pdu.ReceiptAlways, owner+" a/customer/done"
		}
		for i, s := range b.phone.got {
			if s.RegisteredDelivery != want {
				t.Errorf("receipts %v: part %d has registered_delivery %d", asked, i, s.RegisteredDelivery)
			}
		}
		if r := b.phone.route; r.Ref != ref || r.Lane != smpp.LaneConfirmation || r.Service != smpp.ServiceSMS || r.Wait != b.Response/2 {
			t.Errorf("receipts %v: %+v", asked, r)
		}
	}
}

func TestReceiptsAreCountedAndFailuresLoggedWithoutANumber(t *testing.T) {
	b := newBench(t)
	var log strings.Builder
	b.Log = slog.New(slog.NewTextHandler(&log, nil))
	for _, state := range []uint8{pdu.StateEnroute, pdu.StateDelivered, pdu.StateUndeliverable, pdu.StateDelivered} {
		b.Receipt("demo", smpp.Receipt{Ref: owner + " a/customer/done", Link: "demo", Receipt: pdu.Receipt{State: state, Err: "034", Text: "secret words"}})
	}
	if diff := cmp.Diff(map[string]uint64{"ENROUTE": 1, "DELIVRD": 2, "UNDELIV": 1}, b.Receipts()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "a/customer/done") ||
		!strings.Contains(got, "UNDELIV") || !strings.Contains(got, "034") || strings.Contains(got, "secret") {
		t.Errorf("log: %s", got)
	}
}

func TestTextOutsideTheGSMAlphabetGoesAsUCS2(t *testing.T) {
	b := newBench(t)
	b.send(t.Context(), b.owe("ሰላም"))
	if s := b.phone.got[0]; s.DataCoding != dcsUCS2 || len(s.ShortMessage) != 6 {
		t.Errorf("%+v", s)
	}
}

func TestRunSubmitsWhatIsHandedAndEndsWithItsContext(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	submitted := make(chan struct{})
	b.phone.answer = func(int) error { close(submitted); return nil }
	wg.Go(func() { b.Run(ctx) })
	b.Hand(b.owe("text"))
	<-submitted
	cancel()
	wg.Wait()
}

func TestFullQueueLeavesNoticesToTheStore(t *testing.T) {
	b := newBench(t)
	n := b.owe("text")
	for range 2 * cap(b.fresh) {
		b.Hand(n) // nobody takes them
	}
	if len(b.fresh) != cap(b.fresh) {
		t.Errorf("%d waiting", len(b.fresh))
	}
}
