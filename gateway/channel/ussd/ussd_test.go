package ussd

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"nyota/gateway/dialog"
	"nyota/menus"
	"nyota/sessions"
	"nyota/smpp/pdu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStandardDialectReadsTheNetworksEvents(t *testing.T) {
	d := Standard()
	for _, tc := range []struct {
		name string
		op   uint8
		info []byte
		kind dialog.Kind
		id   string
		seq  uint8
		bad  bool
	}{
		{"a customer dials", 1, []byte{7, 0}, dialog.Dial, "7", 0, false},
		{"PSSD too", 0, []byte{255, 2}, dialog.Dial, "255", 1, false},
		{"a customer answers", 18, []byte{7, 6}, dialog.Answer, "7", 3, false},
		{"a notice is answered", 19, []byte{7, 6}, dialog.Answer, "7", 3, false},
		{"the end bit aborts, whatever the op", 18, []byte{7, 7}, dialog.Abort, "7", 3, false},
		{"a vendor's op aborts", 0x81, []byte{7, 0}, dialog.Abort, "7", 0, false},
		{"no session info: the number alone is the key", 1, nil, dialog.Dial, "", 0, false},
		{"half a session info is none", 18, []byte{7}, dialog.Answer, "", 0, false},
		{"an op of ours", 2, []byte{7, 0}, 0, "7", 0, true},
		{"an op of nobody", 99, nil, 0, "", 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, err := d.read(deliver(tc.op, tc.info))
			if (err != nil) != tc.bad || e.kind != tc.kind || e.id != tc.id || e.sequence != tc.seq {
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
}

// deliver is a deliver_sm with these parameters; nil is none.
func deliver(op uint8, info []byte) *pdu.DeliverSM {
	d := &pdu.DeliverSM{}
	d.TLVs.AddUint8(pdu.TagUSSDServiceOp, op)
	if info != nil {
		d.TLVs.Add(pdu.TagITSSessionInfo, info)
	}
	return d
}

func TestStandardDialectMarksQuestionsAndTheEnd(t *testing.T) {
	d := Standard()
	for _, tc := range []struct {
		name string
		end  bool
		op   uint8
		info [2]byte
	}{
		{"a question", false, 2, [2]byte{7, 6}},
		{"the last screen", true, 17, [2]byte{7, 7}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s pdu.SubmitSM
			d.mark(&s, event{info: [2]byte{7, 6}, hasInfo: true}, tc.end)
			op, _ := s.TLVs.Uint8(pdu.TagUSSDServiceOp)
			info, ok := s.TLVs.Get(pdu.TagITSSessionInfo)
			if op != tc.op || !ok || [2]byte(info) != tc.info {
				t.Errorf("op %d info %v", op, info)
			}
		})
	}
	var s pdu.SubmitSM
	d.mark(&s, event{}, false)
	if _, ok := s.TLVs.Get(pdu.TagITSSessionInfo); ok {
		t.Error("session info that the network never sent")
	}
}

func TestNumbersComeInAllFormsAndAreOne(t *testing.T) {
	c := menus.DefaultEnv().Country
	for _, form := range []string{"255700000001", "+255700000001", "00255700000001", "0700000001", "700000001"} {
		if got, err := e164([]byte(form), c); err != nil || got != "255700000001" {
			t.Errorf("%s: %s %v", form, got, err)
		}
	}
	for _, bad := range []string{"", "+", "NYOTA", "25570000000a", "1234567890123456"} {
		if got, err := e164([]byte(bad), c); err == nil {
			t.Errorf("%q is taken for %s", bad, got)
		}
	}
	if got, _ := e164([]byte("254712345678"), c); got != "254712345678" {
		t.Errorf("a foreign number became %s", got)
	}
}

func TestCodeInTheDestinationAddressIsAsDialled(t *testing.T) {
	for addr, want := range map[string]string{"*150*00#": "*150*00#", "150*00": "*150*00#", "#100": "#100#", "": ""} {
		if got := dialled([]byte(addr)); got != want {
			t.Errorf("%q: %q, want %q", addr, got, want)
		}
	}
}

func work(f func()) *task { return &task{run: f} }

func dialogue(n int) sessions.Key { return sessions.Key{MSISDN: fmt.Sprint(n)} }

func TestM9WorkOfOneDialogueIsInOrderAndOneAtATime(t *testing.T) {
	l := newLanes(16, 2)
	var (
		mu    sync.Mutex
		order []int
		busy  int
	)
	first := make(chan struct{})
	l.do(dialogue(1), work(func() { <-first }))
	for i := range maxWaiting {
		ok := l.do(dialogue(1), work(func() {
			mu.Lock()
			defer mu.Unlock()
			busy++
			order = append(order, i)
			if busy != 1 {
				t.Error("two at once")
			}
			busy--
		}))
		if !ok {
			t.Fatalf("%d is refused", i)
		}
	}
	if l.do(dialogue(1), work(func() {})) {
		t.Error("a fifth key waits behind four")
	}
	ran := make(chan struct{})
	if !l.do(dialogue(2), work(func() { close(ran) })) {
		t.Error("another dialogue has to wait")
	}
	<-ran
	close(first)
	l.close()
	for i, n := range order {
		if n != i {
			t.Fatalf("order %v", order)
		}
	}
}

func TestM10DialoguesAtOnceAreBounded(t *testing.T) {
	l := newLanes(2, 2)
	hold := make(chan struct{})
	for i := range 2 {
		if !l.do(dialogue(i), work(func() { <-hold })) {
			t.Fatal("refused below the bound")
		}
	}
	if l.do(dialogue(9), work(func() {})) {
		t.Error("taken above the bound")
	}
	close(hold)
	for !l.do(dialogue(9), work(func() {})) { // as soon as there is room again
		runtime.Gosched()
	}
	l.close()
	if l.do(dialogue(9), work(func() {})) {
		t.Error("taken after close")
	}
}

func TestM10GoroutinesThatWaitForWorkAreBoundedAndTakeIt(t *testing.T) {
	l := newLanes(2*maxSpare, 2*maxSpare)
	hold := make(chan struct{})
	for i := range 2 * maxSpare {
		if !l.do(dialogue(i), work(func() { <-hold })) {
			t.Fatal("refused below the bound")
		}
	}
	close(hold)
	for {
		l.mu.Lock()
		open, spare := l.open, len(l.spare)
		l.mu.Unlock()
		if spare > maxSpare {
			t.Fatalf("%d wait", spare)
		}
		if open == 0 {
			break
		}
		runtime.Gosched()
	}
	var ran sync.WaitGroup
	for i := range maxSpare { // those that wait, and new ones
		ran.Add(1)
		if !l.do(dialogue(i), work(ran.Done)) {
			t.Fatal("refused with nothing at work")
		}
	}
	ran.Wait()
	l.close()
	l.close()
}

func TestATurnThatWaitsLetsAnotherRun(t *testing.T) {
	l := newLanes(8, 1)
	hold, ran := make(chan struct{}), make(chan struct{})
	var waits task
	waits.run = func() {
		l.wait(&waits)
		l.wait(&waits) // said twice, it counts once
		<-hold
	}
	var after []int
	l.do(dialogue(1), &waits)
	l.do(dialogue(2), work(func() { close(ran) }))
	<-ran
	close(hold)
	for i := range 6 { // one at a time: nothing else guards after
		for !l.do(dialogue(3+i), work(func() { after = append(after, i) })) {
			runtime.Gosched()
		}
	}
	l.close()
	if len(after) != 6 {
		t.Errorf("%v ran", after)
	}
	if l.running != 0 || l.open != 0 {
		t.Errorf("%d run and %d are open after all", l.running, l.open)
	}
}
