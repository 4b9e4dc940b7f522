package load

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"nyota/smpp"
	"nyota/smpp/pdu"
	"nyota/smpp/text"
)

const keywords = `
sms: "15000"
steps:
  - {press: PESA, text: "Whom? {peer}"}
  - {press: "{peer}", match: '^Sent$'}
`

// lead runs cfg with two binds of a gateway.
func lead(t *testing.T, ctx context.Context, g smpp.Handler, cfg DialogueConfig) DialogueReport {
	t.Helper()
	return leadAll(t, ctx, cfg, g, g)
}

// leadAll runs cfg with a bind of each gateway.
func leadAll(t *testing.T, ctx context.Context, cfg DialogueConfig, gateways ...smpp.Handler) DialogueReport {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Binds = len(gateways)
	bound := make(chan *smpp.Conn, cfg.Binds)
	for _, g := range gateways {
		go func() {
			c, err := smpp.Dial(t.Context(), l.Addr().String(), smpp.Bind{SystemID: "gw"}, smpp.Config{Window: 1000, Handler: g})
			if err != nil {
				t.Error(err)
			}
			bound <- c
		}()
	}
	r, err := Dialogue(ctx, l, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range cfg.Binds {
		if c := <-bound; c != nil {
			<-c.Done()
		}
	}
	if d := r.Dialogues; d.Begun != d.Finished+d.Abandoned+d.Failed+d.Cut {
		t.Errorf("the fates do not add up: %+v", d)
	}
	return r
}

// keywordService answers an SMS with an SMS, by what it says, as Kannel does.
func keywordService(t *testing.T, answer func(from, said string) string) smpp.HandlerFunc {
	return func(_ context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		d, ok := p.Body.(*pdu.DeliverSM)
		if !ok {
			return nil, pdu.StatusInvCmdID
		}
		if len(d.TLVs) != 0 || string(d.DestinationAddr) != "15000" || d.DataCoding != text.DCSDefault || d.ESMClass != 0 {
			t.Errorf("this is no SMS of a customer: %+v", d)
		}
		from := string(d.SourceAddr)
		sm := &pdu.SubmitSM{SourceAddr: []byte("15000"), DestinationAddr: []byte(from)}
		sm.ShortMessage, _ = text.EncodeGSM7(nil, answer(from, text.Decode(d.ShortMessage, d.DataCoding)))
		_ = c.TryGo(sm, nil) // the window is above the number of handsets
		return &pdu.DeliverSMResp{}, 0
	}
}

func TestAKeywordServiceIsMeasuredAsDialoguesAre(t *testing.T) {
	right := func(from, said string) string {
		if said == "PESA" {
			return map[string]string{"255700000001": "Whom? 255700000002", "255700000002": "Whom? 255700000001"}[from]
		}
		return "Sent"
	}
	for _, tt := range []struct {
		name   string
		cfg    DialogueConfig
		answer func(from, said string) string
		wrong  bool
	}{
		{"flat out", DialogueConfig{Handsets: 2, Duration: 100 * time.Millisecond}, right, false},
		{"at a rate", DialogueConfig{Handsets: 2, Rate: 100, Duration: 100 * time.Millisecond}, right, false},
		{"some never answer back", DialogueConfig{Handsets: 2, Abandon: 0.5, Duration: 100 * time.Millisecond}, right, false},
		{"wrong answers", DialogueConfig{Handsets: 2, Duration: 50 * time.Millisecond}, func(string, string) string { return "Try again" }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Script = script(t, keywords)
			r := lead(t, t.Context(), keywordService(t, tt.answer), tt.cfg)
			if d := r.Dialogues; r.Failed() != tt.wrong || d.Begun == 0 || (d.Finished == 0) != tt.wrong || (d.Abandoned > 0) != (tt.cfg.Abandon > 0) {
				t.Errorf("%v %q: %+v", r.Errors, r.FirstError, d)
			}
			if r.SMS == 0 || !tt.wrong && r.SMS != r.Steps || tt.wrong && r.Errors[kindWrong] == 0 {
				t.Errorf("%d SMS, %d steps, %v", r.SMS, r.Steps, r.Errors)
			}
		})
	}
}

func TestAnSMSThatAnswersNothingIsAnError(t *testing.T) {
	twice := smpp.HandlerFunc(func(ctx context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		_ = c.TryGo(&pdu.SubmitSM{DestinationAddr: []byte("255799999999"), ShortMessage: []byte("Hello")}, nil)
		return keywordService(t, func(string, string) string { return "Hello" })(ctx, c, p)
	})
	r := lead(t, t.Context(), twice, DialogueConfig{Handsets: 2, Duration: 50 * time.Millisecond,
		Script: script(t, `{sms: "15000", steps: [{press: PESA, text: Hello}]}`)})
	if r.Steps == 0 || r.Errors[kindUnexpected] == 0 || r.Errors[kindWrong] != 0 {
		t.Errorf("%d steps, %v", r.Steps, r.Errors)
	}
}

func TestAnSMSThatIsAnsweredTwiceAfterAKillIsNoError(t *testing.T) {
	var mu sync.Mutex
	var lost string // the number whose SMS the first gateway took with it
	over, seen := make(chan struct{}), 0
	answer := func(c *smpp.Conn, to, screen string) {
		sm := &pdu.SubmitSM{SourceAddr: []byte("15000"), DestinationAddr: []byte(to)}
		sm.ShortMessage, _ = text.EncodeGSM7(nil, screen)
		_ = c.TryGo(sm, nil) // the window is above the number of handsets
	}
	dies := smpp.HandlerFunc(func(_ context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		mu.Lock()
		defer mu.Unlock()
		lost = string(p.Body.(*pdu.DeliverSM).SourceAddr)
		_ = c.Close()
		return &pdu.DeliverSMResp{}, 0
	})
	stays := smpp.HandlerFunc(func(_ context.Context, c *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
		d := p.Body.(*pdu.DeliverSM)
		from, said := string(d.SourceAddr), text.Decode(d.ShortMessage, d.DataCoding)
		mu.Lock()
		defer mu.Unlock()
		screen := map[string]string{"PESA": "Whom?", "1": "Sent"}[said]
		answer(c, from, screen)
		if from == lost {
			if seen == 0 {
				answer(c, from, screen) // the answer to the SMS that was lost, and to the same again
			}
			if seen++; seen == 10 {
				close(over)
			}
		}
		return &pdu.DeliverSMResp{}, 0
	})
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		<-over
		interrupt()
	}()
	r := leadAll(t, ctx, DialogueConfig{Handsets: 2, Duration: time.Hour,
		Script: script(t, `{sms: "15000", steps: [{press: PESA, text: Whom?}, {press: "1", text: Sent}]}`)}, dies, stays)
	if d := r.Deliveries; r.Failed() || d.Unsure != 1 || d.ShownAgain != 1 || r.Dialogues.Finished == 0 {
		t.Errorf("%v %q %+v", r.Errors, r.FirstError, d)
	}
}
