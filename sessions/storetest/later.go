package storetest

import (
	"bytes"
	"encoding"
	"testing"
	"time"

	"nyota/sessions"
)

// fields stand behind all that this release knows.
const fields = "\x05later"

// later makes a record one of a later release.
func later[R encoding.BinaryUnmarshaler](t *testing.T, r R) R {
	t.Helper()
	row := encoded(t, any(r).(encoding.BinaryMarshaler))
	if err := r.UnmarshalBinary(append(row, fields...)); err != nil {
		t.Fatal(err)
	}
	return r
}

// testLater: two releases use one store in a rolling upgrade. What the later one
// writes goes through every call of this one that writes.
func testLater(t *testing.T, b *bench) {
	ctx := t.Context()
	carried := func(what string, r encoding.BinaryMarshaler) {
		t.Helper()
		if row := encoded(t, r); !bytes.HasSuffix(row, []byte(fields)) {
			t.Errorf("%s lost what a later release added: %x", what, row)
		}
	}
	s := *later(t, ptr(b.session(ana, "1")))
	s = b.commit(t, s, later(t, b.action(ana, "a-1")), later(t, &sessions.Customer{MSISDN: ana, Language: "sw"}),
		later(t, b.notice(ana, "n-1")), later(t, b.wish(ana, "transfer")),
		later(t, &sessions.Discrepancy{ID: "a-1/late", MSISDN: ana, State: sessions.DiscrepancyOpen, Action: "a-1", Kind: "late"}))
	carried("a committed session", &s)
	for round := range 2 {
		s = must[sessions.Session](t)(b.Load(ctx, s.Key))
		carried("a loaded session", &s)
		s.State, s.Steps = []byte("longer than it was"), s.Steps+1
		s = b.commit(t, s) // a plain step
		s.Screen = "pin"
		c := must[sessions.Customer](t)(b.Customer(ctx, ana))
		carried("a customer", &c)
		c.Recent = append(c.Recent, sessions.Recent{ID: "a-1", At: b.Now()})
		a := must[sessions.Action](t)(b.Action(ctx, ana, "a-1"))
		carried("an action", &a)
		a.Inquiry++
		s = b.commit(t, s, &c, &a)
		carried("a session committed with records", &s)

		b.Advance(2 * time.Minute)
		s.Expires = b.Now().Add(time.Hour)
		s = b.commit(t, s)
		for _, queue := range []string{sessions.QueueActions, sessions.QueueNotices, sessions.QueueWishes} {
			due := must[[]sessions.Record](t)(b.Claim(ctx, queue, "w", b.Now(), time.Minute, 10))
			if len(due) != 1 {
				t.Fatalf("%d of %s", len(due), queue)
			}
			carried("what is leased of "+queue, due[0].(encoding.BinaryMarshaler))
			if n, ok := due[0].(*sessions.Notice); ok {
				n.Tries++
			}
			b.put(t, due...)
		}
		d := must[sessions.Discrepancy](t)(b.Discrepancy(ctx, ana, "a-1/late"))
		carried("a discrepancy", &d)
		d.Times++
		b.put(t, &d)
		for _, what := range []string{sessions.ScanOpen, sessions.ScanDiscrepancies} {
			if err := b.Scan(ctx, what, func(r sessions.Record) error {
				carried("what is scanned of "+what, r.(encoding.BinaryMarshaler))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if round == 0 {
			b.Store = b.reopen()
		}
	}
	for _, a := range must[[]sessions.Action](t)(b.Open(ctx, ana)) {
		carried("an open action", &a)
		a.State, a.Due = sessions.Done, time.Time{}
		b.put(t, &a)
	}
	a := must[sessions.Action](t)(b.Action(ctx, ana, "a-1"))
	carried("a final action", &a)
	n := must[sessions.Notice](t)(b.Notice(ctx, ana, "n-1"))
	carried("a notice", &n)
	w := must[sessions.Wish](t)(b.Wish(ctx, ana, "transfer"))
	carried("a wish", &w)
	s = must[sessions.Session](t)(b.Load(ctx, s.Key))
	carried("the session, at last", &s)
	if n.Tries != 2 || a.Inquiry != 2 || s.Steps != 5 || s.Screen != "pin" {
		t.Errorf("what this release knows is not as it was written: %+v %+v %+v", n, a, s)
	}
}
