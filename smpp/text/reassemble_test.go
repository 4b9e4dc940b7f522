package text

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func TestPartsAreJoinedInAnyOrder(t *testing.T) {
	s := strings.Repeat("Umetuma 5,000 kwa €. ", 60)
	m, err := Split(s, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	r := NewReassembler(ReassemblerConfig{})
	for range 50 {
		for n, i := range rng.Perm(len(m.Parts)) {
			h, rest, err := ParseUDH(shortMessage(t, m, i))
			if err != nil {
				t.Fatal(err)
			}
			parts, done := r.Add(epoch, "255700000001", "15000", h.Concat, rest)
			clear(rest) // the read buffer is used again
			if last := n == len(m.Parts)-1; done != last {
				t.Fatalf("done is %v after %d of %d parts", done, n+1, len(m.Parts))
			}
			if done {
				if got := DecodeGSM7(bytes.Join(parts, nil)); got != s {
					t.Fatalf("joined to %q", got)
				}
			}
		}
	}
	if got := r.Stats(); got != (ReassemblerStats{Completed: 50}) {
		t.Errorf("%+v", got)
	}
}

func shortMessage(t *testing.T, m Message, i int) []byte {
	t.Helper()
	msg, udh := m.ShortMessage(i, 7)
	if !udh {
		t.Fatal("no header")
	}
	return msg
}

func TestMessagesOfOtherSendersReferencesAndSizesAreNotMixed(t *testing.T) {
	r := NewReassembler(ReassemblerConfig{})
	first := Concat{Ref: 1, Total: 2, Seq: 1}
	r.Add(epoch, "a", "x", first, []byte("1"))
	for i, other := range []struct {
		from, to string
		c        Concat
	}{
		{"b", "x", Concat{Ref: 1, Total: 2, Seq: 2}},
		{"a", "y", Concat{Ref: 1, Total: 2, Seq: 2}},
		{"a", "x", Concat{Ref: 2, Total: 2, Seq: 2}},
		{"a", "x", Concat{Ref: 1, Total: 3, Seq: 2}},
		{"a", "x", Concat{Ref: 1, Wide: true, Total: 2, Seq: 2}},
	} {
		if _, done := r.Add(epoch, other.from, other.to, other.c, nil); done {
			t.Errorf("%d completes another's message", i)
		}
	}
	if _, done := r.Add(epoch, "a", "x", Concat{Ref: 1, Total: 2, Seq: 2}, []byte("2")); !done {
		t.Error("its own part does not complete it")
	}
}

func TestAPartThatIsThereAlreadyIsIgnored(t *testing.T) {
	r := NewReassembler(ReassemblerConfig{})
	c := Concat{Ref: 1, Total: 2, Seq: 1}
	r.Add(epoch, "a", "x", c, nil)
	if _, done := r.Add(epoch, "a", "x", c, []byte("again")); done {
		t.Error("the same part twice is a message")
	}
	parts, done := r.Add(epoch, "a", "x", Concat{Ref: 1, Total: 2, Seq: 2}, []byte("2"))
	if !done || len(parts) != 2 || len(parts[0]) != 0 || string(parts[1]) != "2" {
		t.Errorf("%q, %v", parts, done)
	}
	if s := r.Stats(); s.Duplicates != 1 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsNoPartIsCompleteAtOnce(t *testing.T) {
	r := NewReassembler(ReassemblerConfig{})
	for _, c := range []Concat{{}, {Total: 1, Seq: 1}, {Total: 2, Seq: 3}, {Total: 2}} {
		if parts, done := r.Add(epoch, "a", "x", c, []byte("hi")); !done || len(parts) != 1 || string(parts[0]) != "hi" {
			t.Errorf("%+v: %q, %v", c, parts, done)
		}
	}
}

func TestIncompleteMessagesExpire(t *testing.T) {
	r := NewReassembler(ReassemblerConfig{TTL: time.Minute})
	c1, c2 := Concat{Ref: 1, Total: 2, Seq: 1}, Concat{Ref: 1, Total: 2, Seq: 2}
	r.Add(epoch, "a", "x", c1, nil)
	r.Add(epoch.Add(30*time.Second), "b", "x", c1, nil)
	if _, done := r.Add(epoch.Add(time.Minute), "a", "x", c2, nil); done {
		t.Error("a part that is too late completes a message")
	}
	if _, done := r.Add(epoch.Add(time.Minute), "b", "x", c2, nil); !done {
		t.Error("a part in time does not")
	}
	r.Expire(epoch.Add(time.Hour))
	if s := r.Stats(); s != (ReassemblerStats{Completed: 1, Expired: 2}) {
		t.Errorf("%+v", s)
	}
}

func TestMemoryIsBoundedByDroppingTheOldest(t *testing.T) {
	r := NewReassembler(ReassemblerConfig{Messages: 10, Octets: 5000})
	for i := range 1000 {
		r.Add(epoch, fmt.Sprint(i), "x", Concat{Ref: 1, Total: 3, Seq: 1}, make([]byte, 140))
		if r.order.Len() > 10 || r.octets > 5000 || len(r.pending) != r.order.Len() {
			t.Fatalf("%d messages, %d octets", r.order.Len(), r.octets)
		}
	}
	if s := r.Stats(); s.Evicted != 990 || s.Pending != 10 {
		t.Errorf("%+v", s)
	}
	if _, done := r.Add(epoch, "5", "x", Concat{Ref: 1, Total: 3, Seq: 2}, make([]byte, 6000)); done {
		t.Error("a dropped message is complete")
	}
	if r.octets > 5000 {
		t.Errorf("%d octets", r.octets)
	}
	r.Expire(epoch.Add(time.Hour))
	if r.octets != 0 || len(r.pending) != 0 {
		t.Errorf("%d octets in %d messages remain of nothing", r.octets, len(r.pending))
	}
}

func TestReassemblerServesSeveralBinds(t *testing.T) {
	r := NewReassembler(ReassemblerConfig{})
	var wg sync.WaitGroup
	done := make(chan bool, 100)
	for bind := range 2 {
		wg.Go(func() {
			for ref := range uint16(100) {
				if _, ok := r.Add(epoch, "a", "x", Concat{Ref: ref, Total: 2, Seq: uint8(bind + 1)}, nil); ok {
					done <- true
				}
			}
		})
	}
	wg.Wait()
	if len(done) != 100 {
		t.Errorf("%d messages complete, want 100", len(done))
	}
}
