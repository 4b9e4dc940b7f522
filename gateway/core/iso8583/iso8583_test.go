package iso8583_test

import (
	"context"
	"crypto/des" //nolint:gosec // the standard's cipher of PIN blocks
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"nyota/gateway/core"
	"nyota/gateway/core/coretest"
	"nyota/gateway/core/iso8583"
	"nyota/gateway/simulator/isosim"
)

const actionID = "0197f0c2-0000-7000-8000-000000000001"

func TestBadConfigurationIsAnError(t *testing.T) {
	for want, change := range map[string]func(*iso8583.Config){
		"host:port":               func(c *iso8583.Config) { c.Address = "switch" },
		"terminal must":           func(c *iso8583.Config) { c.Terminal = "" },
		"acquirer must":           func(c *iso8583.Config) { c.Acquirer = "x" },
		"not an ISO 4217 number":  func(c *iso8583.Config) { c.Currency = "TZS" },
		"minor must":              func(c *iso8583.Config) { c.Minor = 5 },
		"6 digits are needed":     func(c *iso8583.Config) { c.Codes = map[string]string{core.Transfer: "4"} },
		"statement: a call":       func(c *iso8583.Config) { c.Codes = map[string]string{core.Statement: "400000"} },
		"no reason of a refusal":  func(c *iso8583.Config) { c.Reasons = map[string]string{"05": "because"} },
		"inquiry's processing":    func(c *iso8583.Config) { c.InquiryCode = "38" },
		"spec: there is no field": func(c *iso8583.Config) { c.Spec = &iso8583.Spec{Fields: map[int]iso8583.Field{1: {}}} },
	} {
		cfg := config(t, "127.0.0.1:9")
		change(&cfg)
		if c, err := iso8583.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
			if c != nil {
				_ = c.Close()
			}
		}
	}
}

func prepared(t *testing.T, c *iso8583.Connector) core.Request {
	t.Helper()
	r := coretest.Request(core.Transfer, "to", "255700000002", "amount", "5000")
	r.ID = actionID
	key, err := c.Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	r.WireKey = key
	return r
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func asked(r core.Request, age time.Duration) core.Inquiry {
	return core.Inquiry{ID: r.ID, WireKey: r.WireKey, Call: r.Call, MSISDN: r.MSISDN, Args: r.Args, SentAt: time.Now().Add(-age)}
}

func set(t *testing.T, sim *isosim.Core, f isosim.Faults) {
	t.Helper()
	if err := sim.SetFaults(f); err != nil {
		t.Fatal(err)
	}
}

// checkPIN is a switch that opens PIN blocks with our key.
func checkPIN(number string, block []byte) bool {
	d, err := des.NewTripleDESCipher(append(pinKey[:16:16], pinKey[:8]...)) //nolint:gosec // the standard's cipher
	if err != nil || len(block) != 8 {
		return false
	}
	clear := make([]byte, 8)
	d.Decrypt(clear, block)
	digits := "0000" + ("0000000000000" + number)[len(number):][0:12]
	out := fmt.Sprintf("%x", clear)
	pin := ""
	for i := 2; i < 6; i++ {
		var a, b byte
		_, _ = fmt.Sscanf(out[i:i+1], "%x", &a)
		_, _ = fmt.Sscanf(digits[i:i+1], "%x", &b)
		pin += fmt.Sprintf("%x", a^b)
	}
	return out[:2] == "04" && pin == "1234"
}

func TestPINsAndBalances(t *testing.T) {
	_, address := begin(t, isosim.Config{PIN: checkPIN})
	c := connect(t, config(t, address))
	for pin, reason := range map[string]string{"1234": "", "4321": core.WrongPIN} {
		r := prepared(t, c)
		r.PIN = core.NewSecret([]byte(pin))
		if out, err := c.Call(within(t, 2*time.Second), r); err != nil || out.Reason != reason {
			t.Errorf("%v %q: %v", out.Status, out.Reason, err)
		}
		b := coretest.Request(core.Balance)
		b.PIN = core.NewSecret([]byte(pin))
		out, err := c.Call(within(t, 2*time.Second), b)
		if err != nil || out.Reason != reason || reason == "" && out.Fields.Get("balance") == "" {
			t.Errorf("%v %q %v: %v", out.Status, out.Reason, out.Fields, err)
		}
	}
}

func TestAnswersOfOthersAndSecondAnswersFindNobody(t *testing.T) {
	sim, address := begin(t, isosim.Config{})
	c := connect(t, config(t, address))
	set(t, sim, isosim.Faults{WrongSTAN: true})
	r := prepared(t, c)
	if out, err := c.Call(within(t, slow), r); err == nil || out.Status != core.Unknown || errors.Is(err, core.ErrNotSent) {
		t.Errorf("an answer to somebody else: %v: %v", out.Status, err)
	}
	set(t, sim, isosim.Faults{Twice: true})
	if out, err := c.Inquire(within(t, 2*time.Second), asked(r, 0)); err != nil || out.Status != core.Done {
		t.Errorf("%v: %v", out.Status, err)
	}
	r = prepared(t, c)
	if out, err := c.Call(within(t, 2*time.Second), r); err != nil || out.Status != core.Done || effects(sim, r.WireKey) != 1 {
		t.Errorf("%v: %v", out.Status, err)
	}
}

func TestReversalIsRepeatedUntilItIsAnswered(t *testing.T) {
	sim, address := begin(t, isosim.Config{})
	cfg := config(t, address)
	cfg.InquiryCode, cfg.ReverseAfter = "", time.Minute
	c := connect(t, cfg)
	set(t, sim, isosim.Faults{DropAnswers: 1, DropAdvices: 2})
	r := prepared(t, c)
	if out, err := c.Call(within(t, slow), r); err == nil || out.Status != core.Unknown {
		t.Fatalf("%v: %v", out.Status, err)
	}
	if out, err := c.Inquire(within(t, slow), asked(r, time.Second)); err == nil || out.Status != core.Unknown || sim.Advices() != 0 {
		t.Errorf("reversed too soon: %v: %v", out.Status, err)
	}
	for range 2 {
		if out, err := c.Inquire(within(t, slow), asked(r, time.Hour)); err == nil || out.Status != core.Unknown {
			t.Errorf("nobody answered, and yet %v: %v", out.Status, err)
		}
	}
	out, err := c.Inquire(within(t, 2*time.Second), asked(r, time.Hour))
	if err != nil || out.Status != core.Rejected || sim.Advices() != 3 {
		t.Errorf("%v after %d advices: %v", out.Status, sim.Advices(), err)
	}
	if effects(sim, r.WireKey) != 0 || sim.Balance("255700000001") != 1_000_000 || sim.Posts() != 1 {
		t.Errorf("%+v, %d posts", sim.Effects(), sim.Posts())
	}
}

func TestReversalOfWhatMayStillComeDecidesNothing(t *testing.T) {
	_, address := begin(t, isosim.Config{})
	cfg := config(t, address)
	cfg.InquiryCode, cfg.ReverseAfter, cfg.Horizon = "", time.Minute, 10*time.Minute
	c := connect(t, cfg)
	r := prepared(t, c) // never arrives
	if out, err := c.Inquire(within(t, 2*time.Second), asked(r, 2*time.Minute)); err == nil || out.Status != core.Unknown {
		t.Errorf("%v: %v", out.Status, err)
	}
	if out, err := c.Inquire(within(t, 2*time.Second), asked(r, time.Hour)); err != nil || out.Status != core.Rejected {
		t.Errorf("%v: %v", out.Status, err)
	}
}

func TestWhatIsDoneIsNotReversed(t *testing.T) {
	sim, address := begin(t, isosim.Config{})
	cfg := config(t, address)
	cfg.ReverseAfter = time.Minute
	c := connect(t, cfg)
	set(t, sim, isosim.Faults{DropAnswers: 1})
	r := prepared(t, c)
	_, _ = c.Call(within(t, slow), r)
	if out, err := c.Inquire(within(t, 2*time.Second), asked(r, time.Hour)); err != nil || out.Status != core.Done || sim.Advices() != 0 {
		t.Errorf("%v after %d advices: %v", out.Status, sim.Advices(), err)
	}
}

func TestPaceFollowsWhatTheSwitchCanBeAsked(t *testing.T) {
	for _, tc := range []struct {
		name, code   string
		reverseAfter time.Duration
		call         string
		first        time.Duration
	}{
		{"status inquiries", "380000", time.Minute, core.Transfer, 10 * time.Second},
		{"reversals alone", "", time.Minute, core.Transfer, time.Minute},
		{"late reversals alone", "", time.Hour, core.Transfer, time.Hour},
		{"nothing to ask", "", 0, core.Transfer, 5 * time.Minute},
		{"a reversal is repeated", "", 0, core.Reversal, 10 * time.Second},
	} {
		cfg := config(t, "127.0.0.1:9")
		cfg.InquiryCode, cfg.ReverseAfter = tc.code, tc.reverseAfter
		if p := connect(t, cfg).Pace(tc.call); p.After != tc.first || p.Max < p.After || p.Rate != 20 {
			t.Errorf("%s: %+v", tc.name, p)
		}
	}
}

func TestConnectionComesBack(t *testing.T) {
	sim, address := begin(t, isosim.Config{})
	c := connect(t, config(t, address))
	for range 3 {
		set(t, sim, isosim.Faults{Down: true})
		set(t, sim, isosim.Faults{})
		deadline := time.Now().Add(5 * time.Second)
		for {
			if h, err := c.Health(within(t, time.Second)); err == nil && h.State == core.Available {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the connection does not come back")
			}
		}
		if out, err := c.Call(within(t, 2*time.Second), prepared(t, c)); err != nil || out.Status != core.Done {
			t.Errorf("%v: %v", out.Status, err)
		}
	}
}

func TestResponseCodesAreReasonsOrUnknown(t *testing.T) {
	sim, address := begin(t, isosim.Config{})
	c := connect(t, config(t, address))
	for code, want := range map[string]core.Outcome{
		"51": {Status: core.Rejected, Reason: core.InsufficientFunds}, "75": {Status: core.Rejected, Reason: core.PINLocked},
		"09": {Status: core.Pending}, "68": {}, "91": {}, "96": {}, "06": {}, "94": {}, "??": {},
	} {
		set(t, sim, isosim.Faults{Refuse: code})
		out, err := c.Call(within(t, 2*time.Second), prepared(t, c))
		if out.Status != want.Status || out.Reason != want.Reason || (err != nil) != (want.Status == core.Unknown) || errors.Is(err, core.ErrNotSent) {
			t.Errorf("%s: %v %q: %v", code, out.Status, out.Reason, err)
		}
	}
}

// A switch that sends what cannot be read, or a header that promises too much,
// costs one connection.
func TestHostileOctetsEndOnlyTheConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed below
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, octets := range []string{"\xff\xff", "\x00\x04abcd", "\x00\x02\x00\x00", "\x00\x00\x00\x00\x00\x0c0810\xff\xff\xff\xff\xff\xff\xff\xff", ""} {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = nc.Write([]byte(octets))
			if octets == "" {
				_ = nc.Close()
				return
			}
			_ = nc.SetReadDeadline(time.Now().Add(5 * time.Second))
			for buf := make([]byte, 512); ; {
				if _, err := nc.Read(buf); err != nil {
					break
				}
			}
			_ = nc.Close()
		}
	}()
	c := connect(t, config(t, l.Addr().String()))
	<-done
	_ = l.Close()
	if _, err := c.Call(within(t, slow), prepared(t, c)); !errors.Is(err, core.ErrNotSent) {
		t.Error(err)
	}
}
