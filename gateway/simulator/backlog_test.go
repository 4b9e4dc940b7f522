package simulator

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

// texts are those of an inbox, oldest first.
func texts(inbox []SMS) []string {
	var all []string
	for _, m := range inbox {
		all = append(all, m.Text)
	}
	return all
}

func TestMessagesFromBeforeTheHandsetWasOpenedAreInItsInbox(t *testing.T) {
	clk := newClock()
	s, addr := start(t, SMSCConfig{Now: clk.now})
	g := bind(t, s, addr, smpp.Bind{})
	begin := clk.now()
	g.mustSubmit(sms(asha, "one {TZS}"))
	clk.add(time.Minute)
	g.mustSubmit(sms("255700000002", "somebody else's"))
	two := sms(asha, "ሰላም")
	two.SourceAddrTON, two.SourceAddr = 1, []byte("255710000001")
	g.mustSubmit(two)
	clk.add(time.Minute)
	three := sms(asha, "")
	three.TLVs.Add(pdu.TagMessagePayload, []byte("In a parameter"))
	g.mustSubmit(three)
	if n := len(s.Handsets()); n != 0 {
		t.Errorf("%d handsets that nobody has opened", n)
	}
	clk.add(time.Hour)

	h := phone(t, s, asha)
	g.mustSubmit(sms(asha, "four"))
	want := []SMS{
		{ID: 1, At: begin, From: "NYOTA", Text: "one {TZS}", Parts: 1, Size: Size{"gsm7", 11, 160}},
		{ID: 2, At: begin.Add(time.Minute), From: "+255710000001", Text: "ሰላም", Parts: 1, Size: Size{"ucs2", 3, 70}},
		{ID: 3, At: begin.Add(2 * time.Minute), From: "NYOTA", Text: "In a parameter", Parts: 1, Size: Size{"gsm7", 14, 160}},
		{ID: 4, At: clk.now(), From: "NYOTA", Text: "four", Parts: 1, Size: Size{"gsm7", 4, 160}},
	}
	got := phone(t, s, asha).Snapshot() // opening it again brings nothing twice
	if len(got.Inbox) != len(want) || got.Unread != len(want) || len(got.Transcript) != len(want) {
		t.Fatalf("%d in the transcript, inbox: %+v", len(got.Transcript), got.Inbox)
	}
	for i, m := range got.Inbox {
		if !m.At.Equal(want[i].At) || !got.Transcript[i].At.Equal(want[i].At) {
			t.Errorf("message %d came at %v, not at %v", m.ID, m.At, want[i].At)
		}
		if m.At = want[i].At; m != want[i] {
			t.Errorf("message %+v, want %+v", m, want[i])
		}
	}
	if got := texts(h.Snapshot().Inbox); len(got) != 4 {
		t.Errorf("inbox: %q", got)
	}
	if got := texts(phone(t, s, "255700000002").Snapshot().Inbox); len(got) != 1 || got[0] != "somebody else's" {
		t.Errorf("the other's inbox: %q", got)
	}
}

func TestAScreenOpensTheHandsetToo(t *testing.T) {
	s, addr := start(t, SMSCConfig{})
	g := bind(t, s, addr, smpp.Bind{})
	g.mustSubmit(sms(asha, "before"))
	g.mustSubmit(ussd(asha, opUSSRReq, []byte{9, 0}, "Confirm?"))
	if n := len(s.Handsets()); n != 1 {
		t.Fatalf("%d handsets", n)
	}
	got := phone(t, s, asha).Snapshot()
	if got.Screen != "Confirm?" || len(got.Inbox) != 1 || got.Transcript[0].Kind != KindSMS {
		t.Errorf("screen %q, inbox %q", got.Screen, texts(got.Inbox))
	}
}

func TestPartsComeTogetherWhereverTheHandsetIsOpenedBetweenThem(t *testing.T) {
	long := strings.Repeat("Asha sent you 5,000 {TZS}. ", 14)
	m, err := text.Split(long, text.Limits{})
	if err != nil || len(m.Parts) != 3 {
		t.Fatalf("%d parts, %v", len(m.Parts), err)
	}
	for opened := range len(m.Parts) + 1 {
		for _, sar := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %d parts, sar %v", opened, sar), func(t *testing.T) {
				s, addr := start(t, SMSCConfig{})
				g := bind(t, s, addr, smpp.Bind{})
				for i := range m.Parts {
					if i == opened {
						phone(t, s, asha)
					}
					b := sms(asha, "")
					if sar {
						b.ShortMessage = m.Parts[i].Data
						b.TLVs.AddSAR(300, uint8(len(m.Parts)), uint8(i+1))
					} else {
						b.ShortMessage, _ = m.ShortMessage(i, 7)
						b.ESMClass = pdu.ESMFeatureUDHI
					}
					g.mustSubmit(b)
				}
				got := phone(t, s, asha).Snapshot().Inbox
				if len(got) != 1 || got[0].Text != long || got[0].Parts != len(m.Parts) {
					t.Errorf("inbox: %+v", got)
				}
			})
		}
	}
}

func TestAnUnopenedHandsetsMessagesAreJudgedAsOthers(t *testing.T) {
	s, addr := start(t, SMSCConfig{MaxHandsets: 1})
	g := bind(t, s, addr, smpp.Bind{})
	broken := sms(asha, "")
	broken.ESMClass, broken.ShortMessage = pdu.ESMFeatureUDHI, []byte{200, 1}
	_, err := g.submit(broken)
	wantStatus(t, err, pdu.StatusInvEsmClass)
	_, err = g.submit(sms("no number", "Hello"))
	wantStatus(t, err, pdu.StatusInvDstAdr)

	b := sms(asha, "Hello")
	b.RegisteredDelivery = pdu.ReceiptAlways
	id := g.mustSubmit(b)
	if r, ok := pdu.ParseReceipt(g.next(), nil); !ok || r.ID != id {
		t.Errorf("receipt for %s: %+v", id, r)
	}
	phone(t, s, "255700000002")
	_, err = g.submit(sms(asha, "There is no room for a handset any more"))
	wantStatus(t, err, pdu.StatusMsgQFul)
}

func TestMessagesOfManyBindsReachHandsetsThatAreOpenedMeanwhile(t *testing.T) {
	const binds, each, numbers = 8, 240, 4
	s, addr := start(t, SMSCConfig{})
	number := func(i int) string { return fmt.Sprintf("25570000100%d", i) }
	var mu sync.Mutex
	ids := map[string]bool{}
	var work sync.WaitGroup
	for n := range binds {
		g := bind(t, s, addr, smpp.Bind{})
		work.Go(func() {
			for i := range each {
				id, err := g.submit(sms(number(i%numbers), fmt.Sprintf("%d %03d", n, i)))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ids[id] = true
				if len(ids) == binds*each/2 {
					work.Go(func() {
						for i := range numbers / 2 {
							if _, err := s.Handset(number(i)); err != nil {
								t.Error(err)
							}
						}
					})
				}
				mu.Unlock()
			}
		})
	}
	work.Wait()
	if len(ids) != binds*each {
		t.Errorf("%d ids for %d messages", len(ids), binds*each)
	}
	for i := range numbers {
		got := phone(t, s, number(i)).Snapshot()
		// The inbox keeps the newest; the transcript has room for the last of all.
		if last := got.Transcript[len(got.Transcript)-1].N; last != binds*each/numbers {
			t.Errorf("%d messages of %d", last, binds*each/numbers)
		}
		newest := map[byte]string{}
		for _, e := range got.Transcript {
			_, said, _ := strings.Cut(e.Text, ": ")
			if said <= newest[said[0]] {
				t.Errorf("%q came after %q", said, newest[said[0]])
			}
			newest[said[0]] = said
		}
	}
}

// keep puts a text for a number.
func keep(l *backlog, msisdn, s string) {
	key, _ := numberKey(msisdn)
	l.put(key, &message{at: time.Unix(1, 2), from: []byte("NYOTA"), text: []byte(s)})
}

// kept are the texts that are there for a number.
func kept(l *backlog, msisdn string) []string {
	key, _ := numberKey(msisdn)
	var all []string
	for m := range l.of(key) {
		all = append(all, string(m.text))
	}
	return all
}

func TestABacklogKeepsTheNewestWithinItsBounds(t *testing.T) {
	const blocks, size = 4, 512
	l := newBacklog(blocks, size)
	if got := kept(l, asha); got != nil {
		t.Errorf("an empty one has %q", got)
	}
	keep(l, "255700000002", "the first of all")
	const n = 1000
	for i := range n {
		keep(l, asha, fmt.Sprintf("%04d", i))
		if i%100 == 0 {
			keep(l, "255700000003", fmt.Sprintf("rare %d", i))
		}
	}
	got := kept(l, asha)
	// Three blocks are whole, whatever is in the fourth.
	if least := (blocks - 1) * (size/(backlogHead+9) - 1); len(got) < least || len(got) > blocks*size/(backlogHead+9) {
		t.Errorf("%d messages are kept, at least %d wanted", len(got), least)
	}
	for i, s := range got {
		if want := fmt.Sprintf("%04d", n-len(got)+i); s != want {
			t.Fatalf("%s at %d, not %s", s, i, want)
		}
	}
	if got := kept(l, "255700000002"); got != nil {
		t.Errorf("what was overwritten is there: %q", got)
	}
	keep(l, asha, strings.Repeat("x", size)) // no block has room for it
	if again := kept(l, asha); len(again) != len(got) {
		t.Errorf("%d messages after one without room, %d before", len(again), len(got))
	}
	octets := 0
	for _, b := range l.blocks {
		octets += len(b)
	}
	if octets != blocks*size {
		t.Errorf("%d octets", octets)
	}
}

func TestAHandsetFindsNoMoreThanItCouldKeep(t *testing.T) {
	s := NewSMSC(SMSCConfig{})
	for i := range 3 * maxReplay {
		keep(s.backlog, asha, fmt.Sprint(i))
	}
	got := phone(t, s, asha).Snapshot()
	if n := got.Transcript[len(got.Transcript)-1].N; n != maxReplay {
		t.Errorf("%d messages were decoded", n)
	}
	if len(got.Inbox) > maxInbox || got.Inbox[len(got.Inbox)-1].Text != fmt.Sprint(3*maxReplay-1) {
		t.Errorf("%d messages, the last %+v", len(got.Inbox), got.Inbox[len(got.Inbox)-1])
	}
}

func TestNumbersThatShareAChainAreToldApart(t *testing.T) {
	l := newBacklog(2, 1<<16)
	l.chains = make([]uint64, backlogChains)
	first, _ := numberKey(asha)
	other := ""
	for i := 0; other == ""; i++ {
		n := fmt.Sprintf("2556%08d", i)
		if key, _ := numberKey(n); l.chain(key) == l.chain(first) {
			other = n
		}
	}
	for i := range 3 {
		keep(l, asha, fmt.Sprint("asha ", i))
		keep(l, other, fmt.Sprint("other ", i))
	}
	if got := strings.Join(kept(l, asha), ","); got != "asha 0,asha 1,asha 2" {
		t.Errorf("%s", got)
	}
	if got := strings.Join(kept(l, other), ","); got != "other 0,other 1,other 2" {
		t.Errorf("%s", got)
	}
}

func TestARecordReadsAsItWasWritten(t *testing.T) {
	l := newBacklog(1, 1<<10)
	want := message{
		at: time.Unix(1772366400, 123456789), ton: 5, from: []byte("NYOTA"), coding: 8,
		alphabet: text.Alphabet{Locking: 1, Single: 2},
		concat:   text.Concat{Ref: 0xBEEF, Wide: true, Total: 3, Seq: 2}, text: []byte("\x00hello"),
	}
	l.put(1, &want)
	l.put(1, &message{at: want.at})
	var got []message
	for m := range l.of(1) {
		got = append(got, m)
	}
	if len(got) != 2 || fmt.Sprintf("%+v", got[0]) != fmt.Sprintf("%+v", want) || len(got[1].text)+len(got[1].from) != 0 {
		t.Errorf("%+v, not %+v", got, want)
	}
}

func TestNumbersHaveKeysOfTheirOwn(t *testing.T) {
	seen := map[uint64]string{}
	for _, n := range []string{"00000", "000000", "12345", "012345", "0012345", "255700000001", "999999999999999"} {
		key, ok := numberKey(n)
		if !ok || !ValidMSISDN(n) || seen[key] != "" {
			t.Errorf("%s: %v, the same as %q", n, ok, seen[key])
		}
		seen[key] = n
	}
	for _, n := range []string{"", "1234", "+255700000001", "25570000000123456", "12345a", "12345/", "12345:"} {
		if _, ok := numberKey([]byte(n)); ok {
			t.Errorf("%q is taken for a number", n)
		}
	}
}

// unopened returns an operator, and what its handler does with one message to a
// handset that nobody has opened.
func unopened() (*SMSC, func(*smpp.Conn)) {
	s := NewSMSC(SMSCConfig{})
	p := pdu.PDU{Header: pdu.Header{ID: pdu.IDSubmitSM}, Body: sms(asha, strings.Repeat("You sent TZS 5,000. ", 6))}
	return s, func(c *smpp.Conn) { s.serve(context.Background(), c, p) }
}

func TestAMessageToAnUnopenedHandsetAllocatesNothing(t *testing.T) {
	s, submit := unopened()
	c := new(smpp.Conn)
	s.answers.Store(c, new(answers))
	for range backlogBlocks * backlogBlock / 128 { // until the ring is full
		submit(c)
	}
	if n := testing.AllocsPerRun(1000, func() { submit(c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAMessageToAnUnopenedHandset(b *testing.B) {
	s, submit := unopened()
	b.ReportAllocs()
	c := new(smpp.Conn)
	s.answers.Store(c, new(answers))
	for b.Loop() {
		submit(c)
	}
}
