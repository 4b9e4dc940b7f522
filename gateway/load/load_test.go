package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"nyota/smpp"
	"nyota/smpp/pdu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// smsc serves on loopback for one test.
func smsc(t testing.TB, h smpp.HandlerFunc) (addr string, s *smpp.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = &smpp.Server{Config: smpp.Config{Handler: h, PeerWindow: 4096}}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-served
	})
	return l.Addr().String(), s
}

func modes(t *testing.T, test func(t *testing.T, pipeline bool)) {
	t.Run("do", func(t *testing.T) { test(t, false) })
	t.Run("pipeline", func(t *testing.T) { test(t, true) })
}

func submit(t *testing.T, cfg Config) Report {
	t.Helper()
	r, err := Submit(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryRequestIsCountedOnce(t *testing.T) {
	modes(t, func(t *testing.T, pipeline bool) {
		var came atomic.Uint64
		addr, _ := smsc(t, func(_ context.Context, _ *smpp.Conn, p pdu.PDU) (pdu.Body, pdu.Status) {
			came.Add(1)
			return &pdu.SubmitSMResp{MessageID: []byte("1")}, 0
		})
		r := submit(t, Config{To: addr, Binds: 3, Window: 7, Duration: 200 * time.Millisecond, Pipeline: pipeline})
		if n := came.Load(); n == 0 || r.Submitted != n || r.Responses != n {
			t.Errorf("%d came, %d submitted, %d responses", n, r.Submitted, r.Responses)
		}
		if r.Failed() || r.FirstError != "" || r.Missed != 0 {
			t.Errorf("errors %v, first %q, missed %d, lost %d", r.Errors, r.FirstError, r.Missed, r.LostBinds)
		}
		l := r.Latency
		if l.P50 <= 0 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
			t.Errorf("percentiles do not rise: %+v", l)
		}
		if want := float64(r.Responses) / r.Duration; r.PerSecond != want {
			t.Errorf("%g per second, not %g", r.PerSecond, want)
		}
	})
}

func TestRefusalsAreCountedByTheirStatus(t *testing.T) {
	modes(t, func(t *testing.T, pipeline bool) {
		var came, throttled, full atomic.Uint64
		addr, _ := smsc(t, func(context.Context, *smpp.Conn, pdu.PDU) (pdu.Body, pdu.Status) {
			switch n := came.Add(1); {
			case n%10 == 0:
				throttled.Add(1)
				return nil, pdu.StatusThrottled
			case n%7 == 0:
				full.Add(1)
				return &pdu.SubmitSMResp{}, pdu.StatusMsgQFul
			}
			return &pdu.SubmitSMResp{}, 0
		})
		r := submit(t, Config{To: addr, Binds: 2, Window: 5, Duration: 100 * time.Millisecond, Pipeline: pipeline})
		if r.Submitted != came.Load() || r.Responses != came.Load() {
			t.Errorf("%d came, %d submitted, %d responses", came.Load(), r.Submitted, r.Responses)
		}
		if n := r.Errors["ESME_RTHROTTLED"]; n == 0 || n != throttled.Load() {
			t.Errorf("%d throttled, counted %d", throttled.Load(), n)
		}
		if n := r.Errors["ESME_RMSGQFUL"]; n == 0 || n != full.Load() || len(r.Errors) != 2 {
			t.Errorf("%d refused as full, counted %v", full.Load(), r.Errors)
		}
		if !r.Failed() || r.FirstError == "" || r.LostBinds != 0 {
			t.Errorf("failed %v, first %q, lost %d", r.Failed(), r.FirstError, r.LostBinds)
		}
	})
}

func TestWhatWasUnderWayWhenTheServerDiedIsUnknown(t *testing.T) {
	const binds, window, good = 3, 8, 500
	modes(t, func(t *testing.T, pipeline bool) {
		var came, held atomic.Int64
		full := make(chan struct{})
		addr, s := smsc(t, func(context.Context, *smpp.Conn, pdu.PDU) (pdu.Body, pdu.Status) {
			if came.Add(1) <= good {
				return &pdu.SubmitSMResp{}, 0
			}
			if held.Add(1) == binds*window { // all windows are full of these
				close(full)
			}
			return nil, 0
		})
		go func() {
			<-full
			_ = s.Close()
		}()
		r := submit(t, Config{To: addr, Binds: binds, Window: window, Duration: time.Minute, Pipeline: pipeline})
		if n := r.Errors[kindUnknown]; n != binds*window {
			t.Errorf("%d unknown outcomes, not %d", n, binds*window)
		}
		if r.Submitted != good+binds*window || r.Responses != good {
			t.Errorf("%d submitted, %d responses", r.Submitted, r.Responses)
		}
		if r.LostBinds != binds || !r.Failed() {
			t.Errorf("%d binds lost, failed %v", r.LostBinds, r.Failed())
		}
		// A pipeline was waiting for a slot with one request more.
		if n := r.Errors[kindNotSent]; n > binds || n > 0 && !pipeline {
			t.Errorf("%d not sent", n)
		}
	})
}

func TestAnInterruptEndsTheSendingAndIsNoError(t *testing.T) {
	for _, rate := range []float64{0, 100_000} {
		modes(t, func(t *testing.T, pipeline bool) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var came atomic.Uint64
			addr, _ := smsc(t, func(context.Context, *smpp.Conn, pdu.PDU) (pdu.Body, pdu.Status) {
				if came.Add(1) == 300 {
					interrupt()
				}
				return &pdu.SubmitSMResp{}, 0
			})
			r, err := Submit(ctx, Config{To: addr, Binds: 2, Window: 10, Duration: time.Hour, Rate: rate, Pipeline: pipeline})
			if err != nil || r.Failed() {
				t.Fatalf("%v, %v", err, r.Errors)
			}
			if r.Submitted != came.Load() || r.Responses != came.Load() || came.Load() < 300 {
				t.Errorf("%d came, %d submitted, %d responses", came.Load(), r.Submitted, r.Responses)
			}
		})
	}
}

// inBubble runs a test in which time is fake and connections are pipes.
func inBubble(t *testing.T, h smpp.HandlerFunc, cfg Config, check func(t *testing.T, r Report)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &smpp.Server{Config: smpp.Config{Handler: h, EnquireInterval: -1, ResponseTimeout: time.Hour}}
		defer func() { _ = s.Close() }()
		cfg.Dial = func(context.Context) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() { _ = s.ServeConn(theirs) }()
			return ours, nil
		}
		cfg.plainTimers = true
		check(t, submit(t, cfg))
	})
}

func TestARateIsKeptToTheRequest(t *testing.T) {
	for _, tt := range []struct {
		rate  float64
		binds int
		time  time.Duration
		want  uint64
	}{
		{rate: 1000, binds: 1, time: 2 * time.Second, want: 2000},
		{rate: 1000, binds: 3, time: 2 * time.Second, want: 2000},
		{rate: 7, binds: 2, time: time.Second, want: 7},
		{rate: 0.5, binds: 4, time: 10 * time.Second, want: 5},
		{rate: 300, binds: 7, time: 1001 * time.Millisecond, want: 301},
	} {
		t.Run(fmt.Sprintf("%g over %d", tt.rate, tt.binds), func(t *testing.T) {
			modes(t, func(t *testing.T, pipeline bool) {
				var came atomic.Uint64
				inBubble(t, func(context.Context, *smpp.Conn, pdu.PDU) (pdu.Body, pdu.Status) {
					came.Add(1)
					return &pdu.SubmitSMResp{}, 0
				}, Config{Rate: tt.rate, Binds: tt.binds, Duration: tt.time, Pipeline: pipeline}, func(t *testing.T, r Report) {
					if r.Submitted != tt.want || came.Load() != tt.want || r.Missed != 0 || r.Failed() {
						t.Errorf("%d submitted, %d came, %d missed, errors %v; want %d", r.Submitted, came.Load(), r.Missed, r.Errors, tt.want)
					}
				})
			})
		})
	}
}

func TestAStallCountsForAllThatWasDueInIt(t *testing.T) {
	modes(t, func(t *testing.T, pipeline bool) {
		var came atomic.Uint64
		// 100 requests a second for 10 s; the peer does nothing for one second in
		// the middle. A caller that only counts from its own call would see one slow
		// answer of 1,000.
		inBubble(t, func(context.Context, *smpp.Conn, pdu.PDU) (pdu.Body, pdu.Status) {
			if came.Add(1) == 500 {
				time.Sleep(time.Second)
			}
			return &pdu.SubmitSMResp{}, 0
		}, Config{Rate: 100, Window: 1, Duration: 10 * time.Second, Pipeline: pipeline}, func(t *testing.T, r Report) {
			if r.Submitted != 1000 || r.Missed != 0 {
				t.Fatalf("%d submitted, %d missed", r.Submitted, r.Missed)
			}
			const second = 1e6
			if l := r.Latency; l.Max < 0.99*second || l.P999 < 0.98*second || l.P99 < 0.89*second || l.P99 > 0.95*second || l.P50 > 1000 {
				t.Errorf("latency %+v", l)
			}
		})
	})
}

func TestWhatWasDueAndHadNoRoomIsMissed(t *testing.T) {
	modes(t, func(t *testing.T, pipeline bool) {
		inBubble(t, func(context.Context, *smpp.Conn, pdu.PDU) (pdu.Body, pdu.Status) {
			return nil, 0 // never answered
		}, Config{Rate: 100, Window: 5, Binds: 2, Duration: time.Second, ResponseTimeout: 30 * time.Second, Pipeline: pipeline}, func(t *testing.T, r Report) {
			if r.Submitted != 10 || r.Responses != 0 || r.Missed != 90 || r.Errors[kindUnknown] != 10 || r.LostBinds != 0 {
				t.Errorf("%+v", r)
			}
		})
	})
}

func TestProgressAddsUpToTheReport(t *testing.T) {
	var told []Progress
	inBubble(t, func(context.Context, *smpp.Conn, pdu.PDU) (pdu.Body, pdu.Status) {
		return nil, pdu.StatusSysErr
	}, Config{
		Rate: 50, Binds: 2, Duration: 4*time.Second + time.Millisecond,
		Progress: func(p Progress) { told = append(told, p) },
	}, func(t *testing.T, r Report) {
		var n float64
		for _, p := range told {
			n += p.PerSecond
		}
		if len(told) != 4 || n < 199 || n > 201 || told[3].Errors < 199 || r.Responses != 201 || r.Errors["ESME_RSYSERR"] != 201 {
			t.Errorf("%d times, %g in all, then %+v", len(told), n, r)
		}
	})
}

func TestABindThatIsRefusedIsAnError(t *testing.T) {
	s := &smpp.Server{Bind: func(_ context.Context, _ *smpp.Conn, b smpp.Bind) pdu.Status {
		if b.Password != "right" {
			return pdu.StatusInvPaswd
		}
		return 0
	}}
	defer func() { _ = s.Close() }()
	n := 0
	_, err := Submit(t.Context(), Config{Binds: 3, Bind: smpp.Bind{Password: "wrong"}, Dial: func(context.Context) (net.Conn, error) {
		n++
		ours, theirs := net.Pipe()
		go func() { _ = s.ServeConn(theirs) }()
		return ours, nil
	}})
	if err == nil || !strings.Contains(err.Error(), "bind 1 of 3") || !strings.Contains(err.Error(), "ESME_RINVPASWD") || n != 1 {
		t.Errorf("%v after %d dials", err, n)
	}
}

func TestWhatCannotBeIsRefusedBeforeAnythingIsSent(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no address":         {},
		"binds below 0":      {To: "x:1", Binds: -1},
		"too many binds":     {To: "x:1", Binds: maxBinds + 1},
		"window below 0":     {To: "x:1", Window: -1},
		"too wide a window":  {To: "x:1", Window: maxWindow + 1},
		"duration below 0":   {To: "x:1", Duration: -1},
		"rate below 0":       {To: "x:1", Rate: -1},
		"a message too long": {To: "x:1", Message: &pdu.SubmitSM{ShortMessage: make([]byte, 256)}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Submit(t.Context(), cfg); err == nil || !strings.HasPrefix(err.Error(), "load: ") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTheMessageHas129Octets(t *testing.T) {
	wire, err := pdu.AppendPDU(nil, 0, 1, Message("255700000001"))
	if err != nil || len(wire) != 129 {
		t.Errorf("%d octets, %v", len(wire), err)
	}
}

func TestTheReportAsJSON(t *testing.T) {
	r := Report{
		Mode: "do", Binds: 4, Window: 100, Cores: 2, Duration: 1.5, Submitted: 12, Responses: 10, PerSecond: 8,
		Errors: map[string]uint64{kindUnknown: 2}, Latency: Latency{1, 2, 3, 4, 5},
	}
	got, err := json.Marshal(r)
	const want = `{"mode":"do","binds":4,"window":100,"cores":2,"duration":1.5,"submitted":12,"responses":10,` +
		`"per_second":8,"errors":{"unknown_outcome":2},"missed":0,"lost_binds":0,` +
		`"latency_us":{"p50":1,"p90":2,"p99":3,"p99.9":4,"max":5}}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

func ExampleReport_WriteTo() {
	r := Report{
		Mode: "do", Binds: 4, Window: 100, Rate: 5000, Cores: 2, Duration: 10, Submitted: 50000, Responses: 49998, PerSecond: 4999.8,
		Errors: map[string]uint64{"unknown_outcome": 2}, FirstError: "smpp: outcome unknown: EOF", LostBinds: 1,
		Latency: Latency{P50: 76.5, P90: 141, P99: 980, P999: 1253.2, Max: 3467},
	}
	_, _ = r.WriteTo(os.Stdout)
	// Output:
	// 4 binds, window 100, do, at 5,000/s, latency from the instant each was due, 2 cores
	// submitted  50,000 in 10.00 s, 49,998 responses, 4,999/s
	// latency    p50 76.5 µs  p90 141 µs  p99 980 µs  p99.9 1.25 ms  max 3.47 ms
	// error      2 unknown_outcome
	// the first  smpp: outcome unknown: EOF
	// lost       1 of 4 binds
}

func ExampleSubmit() {
	// A message centre that answers, on a connection in memory.
	s := &smpp.Server{Config: smpp.Config{Handler: smpp.HandlerFunc(
		func(context.Context, *smpp.Conn, pdu.PDU) (pdu.Body, pdu.Status) { return &pdu.SubmitSMResp{}, 0 })}}
	defer func() { _ = s.Close() }()
	r, err := Submit(context.Background(), Config{
		Binds: 2, Window: 10, Rate: 1000, Duration: 50 * time.Millisecond,
		Dial: func(context.Context) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() { _ = s.ServeConn(theirs) }()
			return ours, nil
		},
	})
	fmt.Println(r.Submitted+r.Missed, "were due", r.Failed(), err)
	// Output: 50 were due false <nil>
}
