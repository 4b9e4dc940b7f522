package simulator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

func TestFaults(t *testing.T) {
	t.Run("a start delivered twice", func(t *testing.T) {
		s, addr := start(t, SMSCConfig{Faults: Faults{DuplicateStart: true}})
		g := bind(t, s, addr, smpp.Bind{})
		if err := phone(t, s, asha).Dial(t.Context(), "*150*00#"); err != nil {
			t.Fatal(err)
		}
		a, b := g.next(), g.next()
		if string(session(a, false)) != string(session(b, false)) || op(b) != 1 || string(a.ShortMessage) != string(b.ShortMessage) {
			t.Errorf("the second start differs: %+v, %+v", a, b)
		}
	})
	t.Run("every second submit throttled", func(t *testing.T) {
		s, addr := start(t, SMSCConfig{Faults: Faults{Throttle: 2}})
		g := bind(t, s, addr, smpp.Bind{})
		g.mustSubmit(sms(asha, "one"))
		_, err := g.submit(sms(asha, "two"))
		wantStatus(t, err, pdu.StatusThrottled)
		g.mustSubmit(sms(asha, "three"))
		if got := phone(t, s, asha).Snapshot().Inbox; len(got) != 2 {
			t.Errorf("inbox: %+v", got)
		}
	})
	t.Run("a response lost", func(t *testing.T) {
		s, addr := start(t, SMSCConfig{})
		g := bind(t, s, addr, smpp.Bind{})
		if err := s.SetFaults(Faults{LoseResponse: 1}); err != nil {
			t.Fatal(err)
		}
		answered := make(chan error, 1)
		if err := g.conn.Go(t.Context(), sms(asha, "one"), func(_ pdu.PDU, err error) { answered <- err }); err != nil {
			t.Fatal(err)
		}
		if _, err := phone(t, s, asha).Await(t.Context(), func(s Snapshot) bool { return len(s.Inbox) == 1 }); err != nil {
			t.Fatal(err)
		}
		_ = g.conn.Close()
		if err := <-answered; !errors.Is(err, smpp.ErrUnknownOutcome) {
			t.Errorf("the gateway learnt %v", err)
		}
	})
	t.Run("below zero", func(t *testing.T) {
		if err := NewSMSC(SMSCConfig{}).SetFaults(Faults{Throttle: -1}); err == nil {
			t.Error("it was accepted")
		}
	})
}

func TestWhatAHandsetRefuses(t *testing.T) {
	s := NewSMSC(SMSCConfig{MaxHandsets: 1})
	for _, code := range []string{"", "#", "150", "0700000001", "*150", "*150*00", "hello#", "*a#", "*" + strings.Repeat("1", 200) + "#"} {
		if err := phone(t, s, asha).Dial(t.Context(), code); !errors.Is(err, ErrNotCode) {
			t.Errorf("Dial %q: %v", code, err)
		}
	}
	if err := phone(t, s, asha).Press(t.Context(), "1"); !errors.Is(err, ErrNotAsked) {
		t.Errorf("Press: %v", err)
	}
	if err := phone(t, s, asha).Press(t.Context(), strings.Repeat("€", 92)); !errors.Is(err, ErrTooLong) {
		t.Errorf("Press of 184 septets: %v", err)
	}
	for _, n := range []string{"", "1234", "+255700000001", "25570000000123456", "abcdef"} {
		if _, err := s.Handset(n); !errors.Is(err, ErrMSISDN) {
			t.Errorf("Handset %q: %v", n, err)
		}
	}
	if _, err := s.Handset("255700000002"); !errors.Is(err, ErrFull) {
		t.Errorf("a second handset: %v", err)
	}
}

func TestALongShortcutKeepsTheServiceCodeAsDestination(t *testing.T) {
	for dialled, want := range map[string]string{
		"*150*00#":                     "*150*00#",
		"*150*00*1*0700000002*5000#":   "*150#",
		"#1234567890123456789012345#":  "#1234567890123456789",
		"*150*1*2*3*4*5*6#":            "*150*1*2*3*4*5*6#",
		"*15012345678901234567*0*123#": "*1501234567890123456",
	} {
		if got := serviceCode(dialled); got != want || len(got) > 20 {
			t.Errorf("%s: %q, want %q", dialled, got, want)
		}
	}
}

func TestASlowSubscriberSeesTheLatest(t *testing.T) {
	s := NewSMSC(SMSCConfig{})
	s.bound(&fakePeer{})
	h := phone(t, s, asha)
	ch, stop := h.Subscribe()
	for range 20 {
		if err := h.Dial(t.Context(), "*1#"); err != nil {
			t.Fatal(err)
		}
		if err := h.HangUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-ch; got.Revision != h.Snapshot().Revision || got.State != Idle {
		t.Errorf("it saw revision %d of %d", got.Revision, h.Snapshot().Revision)
	}
	stop()
	h.refresh()
	select {
	case got := <-ch:
		t.Errorf("after the end it saw revision %d", got.Revision)
	default:
	}
}

func TestTranscriptAndInboxAreBounded(t *testing.T) {
	s := NewSMSC(SMSCConfig{})
	h := phone(t, s, asha)
	now := time.Now()
	var first Snapshot
	for i := range 3 * maxTranscript {
		h.receive(now, "NYOTA", [][]byte{[]byte(fmt.Sprint(i))}, 0, text.Alphabet{})
		if i == 10 {
			first = h.Snapshot()
		}
	}
	got := h.Snapshot()
	if len(got.Transcript) > maxTranscript || len(got.Inbox) > maxInbox {
		t.Errorf("%d lines, %d messages", len(got.Transcript), len(got.Inbox))
	}
	if last := got.Inbox[len(got.Inbox)-1]; last.Text != fmt.Sprint(3*maxTranscript-1) || last.ID != 3*maxTranscript {
		t.Errorf("last message: %+v", last)
	}
	if len(first.Inbox) != 11 || first.Inbox[10].Text != "10" || first.Transcript[10].N != 11 {
		t.Error("an older snapshot changed")
	}
}
