package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

const asha = "255700000001"

func wantStatus(t *testing.T, err error, want pdu.Status) {
	t.Helper()
	var se *smpp.StatusError
	if !errors.As(err, &se) || se.Status != want {
		t.Fatalf("error %v, want status %v", err, want)
	}
}

func TestADialogueGoesAsTheStandardDialectSays(t *testing.T) {
	s, addr := start(t, SMSCConfig{Password: "secret"})
	g := bind(t, s, addr, smpp.Bind{Password: "secret"})
	h := phone(t, s, asha)

	if err := h.Dial(t.Context(), "*150*00#"); err != nil {
		t.Fatal(err)
	}
	d := g.next()
	info, _ := d.TLVs.Get(pdu.TagITSSessionInfo)
	if op(d) != 1 || string(d.SourceAddr) != asha || string(d.DestinationAddr) != "*150*00#" ||
		text.DecodeGSM7(d.ShortMessage) != "*150*00#" || d.DataCoding != 0x0F || len(info) != 2 || info[1] != 0 {
		t.Fatalf("start: %+v", d)
	}
	if got := h.Snapshot(); got.State != Waiting || got.Code != "*150*00#" {
		t.Fatalf("after the start: %+v", got)
	}

	if id := g.mustSubmit(ussd(asha, 2, session(d, false), "Wallet\n1. Send")); id == "" {
		t.Error("a submitted message has no id")
	}
	got := h.Snapshot()
	if got.State != Asking || !got.Waiting || got.Screen != "Wallet\n1. Send" {
		t.Fatalf("question: %+v", got)
	}

	if err := h.Press(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	a := g.next()
	next, _ := a.TLVs.Get(pdu.TagITSSessionInfo)
	if op(a) != 18 || string(a.ShortMessage) != "1" || next[0] != info[0] || next[1] != 1<<1 {
		t.Fatalf("answer: %+v", a)
	}

	g.mustSubmit(ussd(asha, 17, session(a, true), "Done."))
	got = h.Snapshot()
	if got.State != Ended || !got.Ended || got.Waiting || got.Screen != "Done." {
		t.Fatalf("end: %+v", got)
	}
	var kinds []string
	for _, e := range got.Transcript {
		kinds = append(kinds, e.Kind)
	}
	if want := "dial ask answer end"; strings.Join(kinds, " ") != want {
		t.Errorf("transcript %v, want %s", kinds, want)
	}
	if e := got.Transcript[1]; e.Size != (Size{"gsm7", 14, 182}) {
		t.Errorf("size of the question: %+v", e.Size)
	}
	if err := h.HangUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got = h.Snapshot(); got.State != Idle || got.Screen != "" {
		t.Errorf("cleared: %+v", got)
	}
	if len(g.got) != 0 {
		t.Error("clearing the last screen told the gateway something")
	}
}

func TestASecretIsNowhereToBeSeen(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{})
	h := phone(t, s, asha)
	if err := h.Dial(t.Context(), "*150*00#"); err != nil {
		t.Fatal(err)
	}
	d := g.next()
	q := ussd(asha, 2, session(d, false), "PIN?")
	q.TLVs.Add(TagScreenHint, append([]byte{HintSecret}, "pin"...))
	g.mustSubmit(q)
	if got := h.Snapshot(); !got.Secret || got.ScreenID != "pin" {
		t.Fatalf("the hint: %+v", got)
	}
	if err := h.Press(t.Context(), "73519"); err != nil {
		t.Fatal(err)
	}
	if a := g.next(); string(a.ShortMessage) != "73519" {
		t.Errorf("the gateway got %q", a.ShortMessage)
	}
	got := h.Snapshot()
	all, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(all), "73519") {
		t.Errorf("the secret is in the snapshot: %s", all)
	}
	last := got.Transcript[len(got.Transcript)-1]
	if last.Text != dots || !last.Secret || last.Size != (Size{}) || got.Secret {
		t.Errorf("the answer shows as %+v", last)
	}
}

func TestHangingUpTellsTheGatewayWithTheEndBit(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{})
	h := phone(t, s, asha)
	if err := h.Dial(t.Context(), "*150*00#"); err != nil {
		t.Fatal(err)
	}
	d := g.next()
	if err := h.HangUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := g.next()
	a, _ := d.TLVs.Get(pdu.TagITSSessionInfo)
	b, _ := e.TLVs.Get(pdu.TagITSSessionInfo)
	if b[0] != a[0] || b[1]&1 != 1 || len(e.ShortMessage) != 0 {
		t.Errorf("the end: %+v", e)
	}
	if got := h.Snapshot(); got.State != Idle {
		t.Errorf("after hanging up: %+v", got)
	}
	_, err := g.submit(ussd(asha, 2, session(d, false), "Wallet"))
	wantStatus(t, err, pdu.StatusSubmitFail)
}

func TestConnectionProblemIsShown(t *testing.T) {
	for name, c := range map[string]struct {
		bind   smpp.Bind
		none   bool
		status pdu.Status
		want   func(error) bool
	}{
		"no gateway": {none: true, want: func(err error) bool { return errors.Is(err, ErrNoService) }},
		"a gateway that only sends": {
			bind: smpp.Bind{Type: pdu.IDBindTransmitter},
			want: func(err error) bool { return errors.Is(err, ErrNoService) },
		},
		"a gateway that refuses the start": {
			status: pdu.StatusSysErr,
			want: func(err error) bool {
				var r *RefusedError
				return errors.As(err, &r)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, addr := start(t, SMSCConfig{})
			if !c.none {
				bind(t, s, addr, c.bind).answer(c.status)
			}
			h := phone(t, s, asha)
			if err := h.Dial(t.Context(), "*150*00#"); !c.want(err) {
				t.Errorf("Dial: %v", err)
			}
			if got := h.Snapshot(); got.State != Failed || got.Screen != connectionProblem {
				t.Errorf("the handset shows %q in state %s", got.Screen, got.State)
			}
		})
	}
}

func TestAWrongPasswordDoesNotBind(t *testing.T) {
	_, addr := start(t, SMSCConfig{Password: "secret"})
	c, err := smpp.Dial(t.Context(), addr, smpp.Bind{Type: pdu.IDBindTransceiver, SystemID: "nyota", Password: "wrong"}, smpp.Config{})
	if err == nil {
		_ = c.Close()
	}
	wantStatus(t, err, pdu.StatusInvPaswd)
}

func TestServiceComesAndGoesWithTheBind(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	h := phone(t, s, asha)
	if h.Snapshot().Service {
		t.Fatal("service without a gateway")
	}
	g := bind(t, s, addr, smpp.Bind{})
	if _, err := h.Await(t.Context(), func(s Snapshot) bool { return s.Service }); err != nil {
		t.Fatal(err)
	}
	if err := g.conn.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Await(t.Context(), func(s Snapshot) bool { return !s.Service }); err != nil {
		t.Fatal(err)
	}
}

func TestADialogueStaysOnItsBindAndMovesWhenThatIsGone(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	one, two := bind(t, s, addr, smpp.Bind{}), bind(t, s, addr, smpp.Bind{})
	h := phone(t, s, asha)
	if err := h.Dial(t.Context(), "*150*00#"); err != nil {
		t.Fatal(err)
	}
	if len(two.got) == 1 {
		one, two = two, one
	}
	d := one.next()
	one.mustSubmit(ussd(asha, 2, session(d, false), "First"))
	if err := h.Press(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	one.next()
	one.mustSubmit(ussd(asha, 2, session(d, false), "Second"))
	_ = one.conn.Close()
	eventually(t, func() bool { return s.receivers.Load() == 1 })
	if err := h.Press(t.Context(), "2"); err != nil {
		t.Fatal(err)
	}
	if a := two.next(); string(a.ShortMessage) != "2" {
		t.Errorf("the other bind got %q", a.ShortMessage)
	}
}

func TestAnAnswerWhoseBindDiesIsDeliveredAgain(t *testing.T) {
	s, addr := start(t, SMSCConfig{Redeliver: 20 * time.Second})
	g := bind(t, s, addr, smpp.Bind{})
	h := phone(t, s, asha)
	if err := h.Dial(t.Context(), "*150*00#"); err != nil {
		t.Fatal(err)
	}
	d := g.next()
	g.mustSubmit(ussd(asha, 2, session(d, false), "First"))
	g.mute()
	pressed := make(chan error, 1)
	go func() { pressed <- h.Press(t.Context(), "1") }()
	first := g.next()
	_ = g.conn.Close()
	eventually(t, func() bool { return s.receivers.Load() == 0 })

	next := bind(t, s, addr, smpp.Bind{})
	again := next.next()
	if string(again.ShortMessage) != "1" || !reflect.DeepEqual(first.TLVs, again.TLVs) {
		t.Errorf("delivered again: %+v, first %+v", again, first)
	}
	if err := <-pressed; err != nil {
		t.Error(err)
	}
	if got := h.Snapshot(); got.State != Waiting {
		t.Errorf("state %s", got.State)
	}
}

func TestTheNumbersOfDialoguesAreRecycled(t *testing.T) {
	c := newClock()
	s := NewSMSC(SMSCConfig{Now: c.now})
	p := &fakePeer{}
	s.bound(p)
	h := phone(t, s, asha)
	seen := make(map[byte]int)
	for range 512 {
		if err := h.Dial(t.Context(), "*1#"); err != nil {
			t.Fatal(err)
		}
		info, _ := p.last().TLVs.Get(pdu.TagITSSessionInfo)
		seen[info[0]]++
		if err := h.HangUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 256 {
		t.Errorf("%d numbers in 512 dialogues, want 256", len(seen))
	}
}

func TestHandsetsDoNotDisturbEachOther(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	const n, steps = 40, 5
	g := bind(t, s, addr, smpp.Bind{})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { // the gateway echoes what it was told, and ends after some steps
		count := make(map[string]int)
		for {
			select {
			case <-stop:
				return
			case d := <-g.got:
				who := string(d.SourceAddr)
				if op(d) == 1 {
					count[who] = 0
				}
				count[who]++
				o, last := uint8(2), count[who] > steps
				if last {
					o = 17
				}
				if _, err := g.submit(ussd(who, o, session(d, last), who+" said "+string(d.ShortMessage))); err != nil {
					t.Errorf("submit: %v", err)
				}
			}
		}
	})
	var phones sync.WaitGroup
	for i := range n {
		phones.Go(func() {
			h, err := s.Handset(fmt.Sprintf("2557100%05d", i))
			if err != nil {
				t.Error(err)
				return
			}
			if err := h.Dial(t.Context(), "*150*00#"); err != nil {
				t.Error(err)
				return
			}
			said := "*150*00#"
			for k := range steps + 1 {
				snap, err := h.Await(t.Context(), func(s Snapshot) bool { return s.State == Asking || s.State == Ended })
				if want := h.MSISDN() + " said " + said; err != nil || snap.Screen != want {
					t.Errorf("screen %q, want %q (%v)", snap.Screen, want, err)
					return
				}
				if k < steps {
					said = fmt.Sprint(i, k)
					if err := h.Press(t.Context(), said); err != nil {
						t.Error(err)
						return
					}
				} else if snap.State != Ended {
					t.Errorf("state %s at the end", snap.State)
				}
			}
		})
	}
	phones.Wait()
	close(stop)
	wg.Wait()
}

func TestUCS2GoesBothWays(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{})
	h := phone(t, s, asha)
	if err := h.Dial(t.Context(), "*150*00#"); err != nil {
		t.Fatal(err)
	}
	d := g.next()
	g.mustSubmit(ussd(asha, 2, session(d, false), "ሰላም"))
	got := h.Snapshot()
	if got.Screen != "ሰላም" || got.Transcript[1].Size != (Size{"ucs2", 3, 80}) {
		t.Errorf("shown: %q %+v", got.Screen, got.Transcript[1].Size)
	}
	if err := h.Press(t.Context(), "አዎ"); err != nil {
		t.Fatal(err)
	}
	if a := g.next(); a.DataCoding != 0x48 || text.DecodeUCS2(a.ShortMessage) != "አዎ" {
		t.Errorf("answered: %+v", a)
	}
}

func TestAPushedDialogue(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{})
	h := phone(t, s, asha)
	number := byte(h.last) + 77

	_, err := g.submit(ussd(asha, 17, []byte{number, 1}, "Nobody dialled"))
	wantStatus(t, err, pdu.StatusSubmitFail)

	g.mustSubmit(ussd(asha, 2, []byte{number, 0}, "Accept?"))
	if got := h.Snapshot(); got.State != Asking || got.Screen != "Accept?" {
		t.Fatalf("pushed: %+v", got)
	}
	_, err = g.submit(ussd(asha, 2, []byte{number + 1, 0}, "Another"))
	wantStatus(t, err, pdu.StatusXTAppn)
	if err := h.Dial(t.Context(), "*1#"); !errors.Is(err, ErrBusy) {
		t.Errorf("dialling in a dialogue: %v", err)
	}
	if err := h.Press(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	if a := g.next(); op(a) != 18 || session(a, false)[0] != number {
		t.Errorf("answer: %+v", a)
	}
	g.mustSubmit(ussd(asha, 3, []byte{number, 1}, "Accepted."))
	if got := h.Snapshot(); got.State != Ended || got.Screen != "Accepted." {
		t.Errorf("notice: %+v", got)
	}
	if a := g.next(); op(a) != 19 {
		t.Errorf("the notice was confirmed with %d", op(a))
	}
}

func TestBadScreensAreRefused(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{})
	h := phone(t, s, asha)
	if err := h.Dial(t.Context(), "*150*00#"); err != nil {
		t.Fatal(err)
	}
	d := g.next()
	long := ussd(asha, 2, nil, "x")
	long.TLVs.Add(pdu.TagITSSessionInfo, []byte{1, 2, 3})
	for name, c := range map[string]struct {
		b    *pdu.SubmitSM
		want pdu.Status
	}{
		"a last screen without the end bit": {ussd(asha, 17, session(d, false), "x"), pdu.StatusInvTLVVal},
		"an operation of a handset":         {ussd(asha, 18, session(d, false), "x"), pdu.StatusInvTLVVal},
		"three octets of session":           {long, pdu.StatusInvTLVLen},
		"no session in a dialogue":          {ussd(asha, 2, nil, "x"), pdu.StatusXTAppn},
		"a number that is none":             {ussd("hello", 2, session(d, false), "x"), pdu.StatusInvDstAdr},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := g.submit(c.b)
			wantStatus(t, err, c.want)
		})
	}
	if got := h.Snapshot(); got.State != Waiting {
		t.Errorf("the dialogue is %s", got.State)
	}
}

func TestAQuestionIsAskedForAgainWithoutAnAnswer(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{})
	h := phone(t, s, asha)
	if err := h.Again(t.Context()); !errors.Is(err, ErrNotAsked) {
		t.Errorf("without a dialogue: %v", err)
	}
	if err := h.Dial(t.Context(), "*150#"); err != nil {
		t.Fatal(err)
	}
	d := g.next()
	g.mustSubmit(ussd(asha, 2, session(d, false), "Old"))
	if err := h.Again(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := g.next()
	if op(again) != 18 || len(again.ShortMessage) != 0 {
		t.Errorf("%+v", again)
	}
	if got := h.Snapshot(); got.State != Asking || got.Screen != "Old" {
		t.Errorf("meanwhile: %+v", got)
	}
	g.mustSubmit(ussd(asha, 2, session(again, false), "New"))
	if got := h.Snapshot(); got.Screen != "New" || got.Answers != 0 || len(got.Transcript) != 3 {
		t.Errorf("then: %+v", got)
	}
}

func TestWhatADialogueTakesOfItsCustomerIsCounted(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{})
	h := phone(t, s, asha)
	if err := h.Dial(t.Context(), "*150#"); err != nil {
		t.Fatal(err)
	}
	d := g.next()
	g.mustSubmit(ussd(asha, 2, session(d, false), "Menu"))
	if err := h.Press(t.Context(), "12"); err != nil {
		t.Fatal(err)
	}
	b := ussd(asha, 2, session(g.next(), false), "PIN")
	b.TLVs.Add(TagScreenHint, []byte{HintSecret})
	g.mustSubmit(b)
	if err := h.Press(t.Context(), "1234567"); err != nil {
		t.Fatal(err)
	}
	g.mustSubmit(ussd(asha, 17, session(g.next(), true), "Bye"))
	got := h.Snapshot()
	if got.Answers != 2 || got.Keys != 5+1+2+1+secretKeys+1 || got.Began.IsZero() || got.Over.Before(got.Began) {
		t.Errorf("%d answers, %d keys, from %v to %v", got.Answers, got.Keys, got.Began, got.Over)
	}
}
