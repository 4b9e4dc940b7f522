package sessions_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"nyota/menus"
	"nyota/sessions"
)

// underway is where the release of 2026-11-28 left customers in the middle of
// dialogues of the shipped wallet: its folder has what both stores held, and in
// JSON what had been written. The source of the menus is that of
// menus/testdata/states.
const (
	underway       = "testdata/upgrade/2026-11-28"
	underwaySource = "../menus/testdata/states/2026-11-28/source"
)

type underwayRecords struct {
	AtPIN       sessions.Session // asked for the PIN of a transfer
	AtCall      sessions.Session // waits for the outcome of a-1
	Action      sessions.Action  // a-1
	Notice      sessions.Notice
	Customer    sessions.Customer
	Wish        sessions.Wish
	Discrepancy sessions.Discrepancy
}

func underwayRing(t *testing.T) *sessions.Keyring {
	t.Helper()
	ring, err := sessions.NewKeyring(bytes.Repeat([]byte{7}, sessions.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// checkUnderway reads what the release left, and goes on with both dialogues to
// their end.
func checkUnderway(t *testing.T, store sessions.Store, now time.Time) {
	t.Helper()
	ctx := t.Context()
	text, err := os.ReadFile(underway + "/records.json")
	if err != nil {
		t.Fatal(err)
	}
	var want underwayRecords
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	msisdn := want.Customer.MSISDN
	read := func(what string, got any, err error, want any) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %v, read as\n%+v, want\n%+v", what, err, got, want)
		}
	}
	s, err := store.Load(ctx, want.AtPIN.Key)
	read("the dialogue at its PIN", s, err, want.AtPIN)
	waiting, err := store.Load(ctx, want.AtCall.Key)
	read("the dialogue at its call", waiting, err, want.AtCall)
	a, err := store.Action(ctx, msisdn, want.Action.ID)
	read("the action", a, err, want.Action)
	n, err := store.Notice(ctx, msisdn, want.Notice.ID)
	read("the notice", n, err, want.Notice)
	c, err := store.Customer(ctx, msisdn)
	read("the customer", c, err, want.Customer)
	w, err := store.Wish(ctx, msisdn, want.Wish.Call)
	read("the wish", w, err, want.Wish)
	d, err := store.Discrepancy(ctx, msisdn, want.Discrepancy.ID)
	read("the discrepancy", d, err, want.Discrepancy)

	source, err := store.Revision(ctx, s.Revision)
	if err != nil {
		t.Fatal(err)
	}
	current, err := menus.Load(os.DirFS("../menus/catalog"), menus.DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := menus.LoadSource(source, menus.DefaultEnv(), current)
	if err != nil || catalog.Revision() != s.Revision {
		t.Fatalf("revision %s became %v, %v", s.Revision, catalog, err)
	}
	wallet, _ := catalog.Program(s.Menu)
	ring := underwayRing(t)
	step := func(s *sessions.Session, in menus.Input) menus.Turn {
		t.Helper()
		var st menus.State
		if err := st.UnmarshalBinary(s.State); err != nil {
			t.Fatal(err)
		}
		in.Customer, in.Now = msisdn, now
		in.Seal = func(pin string) ([]byte, error) { return ring.Seal([]byte(pin), []byte(msisdn)) }
		turn, err := wallet.Step(st, in)
		if err != nil {
			t.Fatal(err)
		}
		if s.State, err = turn.State.MarshalBinary(); err != nil {
			t.Fatal(err)
		}
		s.Steps, s.Ended, s.Asking = s.Steps+1, turn.End, turn.Call == nil
		return turn
	}

	turn := step(&s, menus.Input{Kind: menus.Show})
	if turn.Screen.ID != s.Screen || !turn.Screen.Secret || !strings.Contains(turn.Screen.Text, "ASHA JUMA") {
		t.Errorf("the stored screen is %+v", turn.Screen)
	}
	turn = step(&s, menus.Input{Kind: menus.Keys, Text: "2580"})
	if turn.Call == nil || turn.Call.Name != "transfer" || len(turn.Call.Args) != 3 {
		t.Fatalf("the PIN leads to %+v", turn)
	}
	born := sessions.Action{ID: "a-2", MSISDN: msisdn, State: sessions.Accepted, Session: s.Key, Call: turn.Call.Name, Menu: s.Menu,
		Revision: s.Revision, Screen: turn.Call.Screen, Created: now, Deadline: now.Add(4 * time.Second), Due: now.Add(10 * time.Second)}
	for _, v := range turn.Call.Args {
		born.Args = append(born.Args, sessions.Arg{Name: v.Name, Value: v.Text, Sealed: v.Sealed})
	}
	c.Recent = append(c.Recent, sessions.Recent{ID: born.ID, Hash: 5, At: now})
	s.Action = born.ID
	if s, err = store.Commit(ctx, s, &born, &c); err != nil {
		t.Fatal(err)
	}
	if s, err = store.Load(ctx, s.Key); err != nil {
		t.Fatal(err)
	}
	turn = step(&s, menus.Input{Kind: menus.Answer, Result: menus.Result{Outcome: menus.Done, Ref: "QK1"}})
	if !turn.End || !strings.Contains(turn.Screen.Text, "QK1") || !strings.Contains(turn.Screen.Text, "ASHA JUMA") {
		t.Errorf("the end is %+v", turn.Screen)
	}
	if _, err = store.Commit(ctx, s); err != nil {
		t.Fatal(err)
	}

	turn = step(&waiting, menus.Input{Kind: menus.Answer, Result: menus.Result{Outcome: menus.Pending, Ref: a.Ref}})
	if !turn.End || !strings.Contains(turn.Screen.Text, "Tunahakiki") {
		t.Errorf("an action that is not decided: %+v", turn.Screen)
	}
	if _, err := store.Commit(ctx, waiting); err != nil {
		t.Fatal(err)
	}
	open, err := store.Open(ctx, msisdn)
	if err != nil || len(open) != 2 || open[0].ID != "a-1" || open[1].ID != "a-2" {
		t.Errorf("open: %+v, %v", open, err)
	}
}

func underwayTime() time.Time { return time.Date(2026, 11, 28, 13, 0, 0, 0, time.UTC) }

func TestM7UpgradeGoesOnWithDialoguesInTheEmbeddedStore(t *testing.T) {
	e := leftEmbedded(t, underway+"/embedded", underwayTime)
	checkUnderway(t, e, underwayTime())
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestM7UpgradeGoesOnWithDialoguesInValkey(t *testing.T) {
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{leftInValkey(t, underway+"/valkey.golden").Addr}, Now: underwayTime})
	checkUnderway(t, v, underwayTime())
}
