package dialog

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"nyota/sessions"
)

func TestADialogueThatNobodyEndedIsRecordedAsATimeout(t *testing.T) {
	b := newBench(t)
	b.dial("home")
	b.press("1", "send_to")
	begun := b.now().Add(-2 * time.Second)
	b.sweep(t.Context(), b.now())
	b.advance(b.Session - time.Second)
	b.sweep(t.Context(), b.now())
	if len(b.records) != 0 || b.Live() != 1 {
		t.Fatalf("before its time: %d alive, %+v", b.Live(), b.records)
	}
	b.advance(1*time.Second + 2*sweepEvery)
	b.sweep(t.Context(), b.now())
	if len(b.records) != 1 || b.Live() != 0 {
		t.Fatalf("%d alive, %+v", b.Live(), b.records)
	}
	r := b.records[0]
	if r.End != EndTimeout || r.Screen != "send_to" || r.Menu != "wallet" || r.Language != "en" || r.Steps != 1 || r.Key != key() ||
		r.Revision != b.Menus.Current().Revision() || r.Started.UnixMicro() != begun.UnixMicro() || !r.Ended.Equal(b.now()) {
		t.Errorf("%+v", r)
	}
}

// idlers notes n dialogues that expire one after the other, over a session's time.
func idlers(l *live, n int, from time.Time) {
	for i := range n {
		at := from.Add(time.Duration(i) * 180 * time.Second / time.Duration(n))
		s := sessions.Session{Key: sessions.Key{Network: "demo", MSISDN: "2557" + strconv.Itoa(10_000_000+i), ID: strconv.Itoa(i)},
			Menu: "wallet", Revision: "r1", Started: from, Expires: at.Add(180*time.Second + grace)}
		l.note(&s, course{"wallet", "r1", "en"}, "home")
	}
}

func TestWhatIsOverIsFoundWhateverTheNumberAndNothingElse(t *testing.T) {
	const n = 7 * sweepMost
	var l live
	l.init()
	from := time.Unix(1_800_000_000, 0)
	idlers(&l, n, from)
	for i := range n { // every second one goes on
		k := sessions.Key{Network: "demo", MSISDN: "2557" + strconv.Itoa(10_000_000+i), ID: strconv.Itoa(i)}
		if i%2 == 0 {
			s := sessions.Session{Key: k, Menu: "wallet", Revision: "r1", Started: from, Steps: 1, Expires: from.Add(time.Hour + grace)}
			if before, another := l.note(&s, course{"wallet", "r1", "sw"}, "home"); before != "r1" || another {
				t.Fatalf("revision %q before, %v", before, another)
			}
		}
	}
	drain := func(now time.Time) (over int) {
		for more := true; more; {
			var keys []sessions.Key
			keys, more = l.over(now)
			if len(keys) > sweepMost {
				t.Fatalf("%d at once", len(keys))
			}
			for _, k := range keys {
				r, ok := l.take(k)
				if !ok || r.Steps != 0 {
					t.Fatalf("%+v, %v", r, ok)
				}
			}
			over += len(keys)
		}
		return over
	}
	if over := drain(from.Add(179 * time.Second)); over != 0 {
		t.Errorf("%d are over before their time", over)
	}
	if over := drain(from.Add(360*time.Second + 2*sweepEvery)); over != n/2 {
		t.Errorf("%d are over, want %d", over, n/2)
	}
	if len(l.known) != n/2 {
		t.Errorf("%d are left", len(l.known))
	}
	for _, a := range l.known {
		if l.wheel[a.slot][a.at] != a {
			t.Fatal("the wheel has lost one")
		}
	}
}

// BenchmarkSweepOfAMillion is what the search for dialogues that are over costs
// while a million go on: for each time that steps wait for it, and octets for each.
func BenchmarkSweepOfAMillion(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var l live
	l.init()
	from := time.Unix(1_800_000_000, 0)
	idlers(&l, 1_000_000, from)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportAllocs()
	for b.Loop() {
		if keys, _ := l.over(from.Add(179 * time.Second)); len(keys) != 0 {
			b.Fatal(len(keys))
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "octets/dialogue")
	runtime.KeepAlive(&l)
}

func TestALineThatManyCustomersCauseIsWrittenSeldomAndCountsThem(t *testing.T) {
	var s seldom
	now := time.Unix(1_800_000_000, 0)
	if n, ok := s.say(now); !ok || n != 1 {
		t.Errorf("the first: %d, %v", n, ok)
	}
	for range 99 {
		if _, ok := s.say(now.Add(seldomEvery - 1)); ok {
			t.Fatal("again at once")
		}
	}
	if n, ok := s.say(now.Add(seldomEvery)); !ok || n != 100 {
		t.Errorf("later: %d, %v", n, ok)
	}
}
