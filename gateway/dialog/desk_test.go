package dialog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"nyota/gateway/core"
	"nyota/menus"
)

// newDesk puts a desk behind a bench, which follows its customer.
func newDesk(t *testing.T, b *bench) *Desk {
	t.Helper()
	b.Desk = NewDesk(b.Menus, b.store, b.now)
	stop, err := b.Desk.Follow(customer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return b.Desk
}

func TestTheDeskSeesEveryStepAndNoSecret(t *testing.T) {
	b := newBench(t)
	d := newDesk(t, b)
	refuse := true
	b.core.post = func(ctx context.Context, r core.Request) (core.Outcome, error) {
		if refuse {
			refuse = false
			return core.Outcome{Status: core.Rejected, Reason: core.WrongPIN}, nil
		}
		return done(ctx, r)
	}
	b.toPIN()
	b.press("271828182", "send_pin") // no PIN has so many digits in this menu
	b.press("9999", "send_pin")
	b.press("1234", "sent")

	trail, ok := d.Trail(customer)
	if !ok || trail.Program.Menu() != "wallet" || trail.Language != "en" || trail.Cut {
		t.Fatalf("%v %+v", ok, trail)
	}
	var got []string
	for _, e := range trail.Events {
		got = append(got, fmt.Sprint(e.Kind, e.Text, e.Secret, e.Asked, e.Sent, e.Result.Outcome, e.Shown.ID, e.End))
	}
	last := trail.Events[len(trail.Events)-1]
	if trail.Events[0].Text != "*150*00#" || !last.End || last.Shown.ID != "sent" || last.Asked != "send_pay" || !last.Sent || last.Call != "transfer" {
		t.Errorf("the events are\n%s", strings.Join(got, "\n"))
	}
	all := fmt.Sprintf("%+v", trail.Events)
	for _, secret := range []string{"271828182", "9999", "1234"} {
		if strings.Contains(all, secret) {
			t.Errorf("%s is in the events", secret)
		}
	}
	if !strings.Contains(all, "Secret:1") || !strings.Contains(all, "Secret:2") || strings.Contains(all, "Secret:3") {
		t.Errorf("two different secrets were typed:\n%s", strings.Join(got, "\n"))
	}
}

func TestAPINBehindAShortcutIsNotSeenAtTheDesk(t *testing.T) {
	b := newBench(t)
	d := newDesk(t, b)
	b.expect("send_pin", b.message(Dial, "*150*00*1*0700000002*5000*2718#"))
	trail, _ := d.Trail(customer)
	if got := trail.Events[0].Text; got != "*150*00*1*0700000002*5000#" {
		t.Errorf("it sees %q", got)
	}
}

func TestOnlyFollowedPhonesAreSeen(t *testing.T) {
	b := newBench(t)
	b.Desk = NewDesk(b.Menus, b.store, b.now)
	b.dial("home")
	if _, ok := b.Desk.Trail(customer); ok {
		t.Error("a phone that nobody follows was seen")
	}
	first, _ := b.Desk.Follow(customer)
	second, _ := b.Desk.Follow(customer)
	first()
	first() // twice is once
	b.press("1", "send_to")
	if _, ok := b.Desk.Trail(customer); !ok {
		t.Error("a follower that is left sees nothing")
	}
	second()
	if _, ok := b.Desk.Trail(customer); ok || len(b.Desk.Followed()) != 0 {
		t.Error("a dialogue is kept that nobody follows any more")
	}
	for i := range maxFollowed {
		if _, err := b.Desk.Follow(fmt.Sprint(255700000000 + i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Desk.Follow("255799999999"); !errors.Is(err, ErrDeskFull) {
		t.Errorf("above the bound: %v", err)
	}
}

func TestADialogueBeginsWhereItWasPlanted(t *testing.T) {
	b := newBench(t)
	d := newDesk(t, b)
	plant := func() {
		t.Helper()
		code, err := d.Plant(customer, Seed{Menu: "wallet", Screen: "send_amount", Language: "sw", Vars: []menus.Value{{Name: "to", Text: "0700000002"}}})
		if err != nil || code != "*150*00#" {
			t.Fatal(code, err)
		}
	}
	plant()
	if r := b.dial("send_amount"); !strings.Contains(r.Text, "Tuma kwa 0700000002") {
		t.Errorf("%q", r.Text)
	}
	b.press("5000", "send_pin")
	b.press("1234", "sent")
	if len(b.core.posts) != 1 || b.core.posts[0].Args.Get("to") != "255700000002" {
		t.Errorf("posts %+v", b.core.posts)
	}
	if trail, _ := d.Trail(customer); trail.Seed == nil || trail.Seed.Screen != "send_amount" || trail.Language != "sw" {
		t.Errorf("%+v", trail.Seed)
	}
	b.redial("8", "*150*00#", "home") // it was for one dialogue

	plant()
	b.advance(2 * time.Minute)
	b.redial("9", "*150*00#", "home") // and for a short time

	for name, s := range map[string]Seed{
		"no such menu":    {Menu: "shop", Screen: "home"},
		"no such screen":  {Menu: "wallet", Screen: "shop"},
		"where money is":  {Menu: "wallet", Screen: "send_pay"},
		"without a value": {Menu: "wallet", Screen: "send_amount"},
	} {
		if _, err := d.Plant(customer, s); !errors.Is(err, menus.ErrEnter) && !errors.Is(err, ErrNoMenu) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Plant("255700000003", Seed{Menu: "wallet", Screen: "home"}); !errors.Is(err, ErrNotFollowed) {
		t.Errorf("a phone that is not followed: %v", err)
	}
}

// editable is the shipped catalog in memory.
func editable(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	shipped := os.DirFS("../../menus/catalog")
	names, err := fs.Glob(shipped, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(shipped, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	return files
}

func TestADialogueAtTheDeskGoesAlongWithAnEdit(t *testing.T) {
	files := editable(t)
	b := newBenchOn(t, files)
	d := newDesk(t, b)
	edit := func(old, with string) {
		t.Helper()
		text := bytes.ReplaceAll(files["wallet.yaml"].Data, []byte(old), []byte(with))
		files["wallet.yaml"] = &fstest.MapFile{Data: text}
		if changed, err := b.Menus.Reload(t.Context(), "a test"); err != nil || !changed {
			t.Fatal(changed, err)
		}
	}
	redraw := func(want bool) {
		t.Helper()
		if got, err := d.Redraw(t.Context(), customer); got != want || err != nil {
			t.Fatalf("redraw: %v %v", got, err)
		}
	}
	redraw(false) // nothing runs
	b.dial("home")
	b.press("1", "send_to")
	b.press("0700000002", "send_amount")
	redraw(false) // nothing was edited
	edit("Enter amount", "How much")
	redraw(true)
	redraw(false) // once
	if r := b.press("5000", "send_amount"); !strings.Contains(r.Text, "Send to 0700000002. How much") {
		t.Errorf("%q", r.Text)
	}
	b.press("5000", "send_pin")
	edit("send_pin", "send_secret")
	redraw(false) // its screen is gone: it finishes where it began
	b.press("1234", "sent")
	if trail, _ := d.Trail(customer); !trail.Redrawn {
		t.Error("the trail does not tell that the menus changed on the way")
	}
}

func TestTheDeskShowsAScreenInEveryLanguage(t *testing.T) {
	b := newBench(t)
	d := newDesk(t, b)
	b.dial("home")
	b.press("1", "send_to")
	trail, _ := d.Trail(customer)
	screens := trail.Languages(b.now())
	if len(screens) != len(trail.Program.Languages()) || len(screens) < 3 {
		t.Fatalf("%d languages", len(screens))
	}
	for i, lang := range trail.Program.Languages() {
		if s := screens[i]; s.ID != "send_to" || s.Text == "" || s.UCS2 != (lang == "am") || i > 0 && s.Text == screens[i-1].Text {
			t.Errorf("%s: %+v", lang, s)
		}
	}
}
