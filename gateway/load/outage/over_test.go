package outage

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"nyota/sessions"
)

func TestActionBelongsToTheDialogueThatWasDialledBeforeIt(t *testing.T) {
	begun := time.Now()
	m := newMeter(begun)
	m.begin(begun, Health{})
	m.begin(begun.Add(10*time.Second), Health{})
	first := sessions.Key{Network: "night", MSISDN: "255600000001", ID: "1"}
	second := sessions.Key{Network: "night", MSISDN: "255600000001", ID: "2"}
	m.dialled(first, begun.Add(time.Second))
	m.dialled(second, begun.Add(5*time.Second))
	at := func(s float64) time.Time { return begun.Add(time.Duration(s * float64(time.Second))) }
	for _, r := range []record{
		{ID: "a", MSISDN: first.MSISDN, State: "SENT", Ref: "RA", At: at(2), Created: at(2)},
		{ID: "b", MSISDN: first.MSISDN, State: "UNKNOWN", Ref: "RB", At: at(11), Created: at(6), Inquiries: 1},
		{ID: "a", MSISDN: first.MSISDN, State: "DONE", Ref: "RA", At: at(3), Created: at(2)},
		{ID: "b", MSISDN: first.MSISDN, State: "DONE", Ref: "RB", At: at(12), Created: at(6), Inquiries: 3},
	} {
		m.recorded(r)
	}
	if a, b := m.deeds["a"], m.deeds["b"]; a.key != first || b.key != second || b.phase != 1 || !b.unknown || b.lost != 1 || m.inquired != 3 {
		t.Errorf("a %+v, b %+v, %d inquiries", a, b, m.inquired)
	}
	if n := m.unheard(); n != 2 {
		t.Errorf("%d SMS are awaited, want 2", n)
	}
	m.heard("a", 1)
	m.heard("b", 2)
	m.ended(first, attempt{errand: 1, screen: "sent"})
	m.ended(second, attempt{errand: 1, screen: "not_sent"})
	m.insist(1)
	truth := m.truth(map[string]int{"a": 1, "b": 1})
	if truth.unnoticed != 1 || truth.wrong != 1 || truth.again != 1 {
		t.Errorf("%+v: two SMS about b, a screen that said not sent, and one errand paid twice", truth)
	}
}

func TestRecordsAreReadAsTheyGrow(t *testing.T) {
	m := newMeter(time.Now())
	m.begin(time.Now(), Health{})
	r := &records{m: m, dir: t.TempDir(), read: map[string]int64{}}
	file := filepath.Join(r.dir, "cdr.jsonl")
	write := func(text string) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		r.file(file)
	}
	write(`{"type":"dialogue","id":"7"}` + "\n" + `{"type":"action","id":"a","msisdn":"1","state":"SENT"}` + "\n" + `{"type":"act`)
	if len(m.deeds) != 1 || m.deeds["a"].state != sessions.Sent {
		t.Fatalf("%v", m.deeds)
	}
	write(`ion","id":"a","msisdn":"1","state":"EXPIRED"}` + "\n")
	if m.deeds["a"].state != sessions.Expired {
		t.Errorf("a line that came in two parts was lost: %v", m.deeds["a"].state)
	}
}

var _ line = (*handsets)(nil)
