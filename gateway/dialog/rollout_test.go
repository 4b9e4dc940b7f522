package dialog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"nyota/menus"
	"nyota/sessions"
)

// kitchen is one store, with gateways on it that have files of their own.
type kitchen struct {
	t     *testing.T
	store sessions.Store
	clock time.Time
}

func newKitchen(t *testing.T) *kitchen {
	store, err := sessions.OpenEmbedded(t.TempDir(), sessions.EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &kitchen{t: t, store: store, clock: time.Now()}
}

func (k *kitchen) now() time.Time { return k.clock }

// files are the shipped menus with the first option called so.
func files(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS("../../menus/catalog"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".test.yaml") {
			return err
		}
		octets, err := os.ReadFile("../../menus/catalog/" + path)
		all[path] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(octets), "Send money", name))}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// gateway opens menus with files, as the start of a gateway does.
func (k *kitchen) gateway(files fs.FS, set func(*MenusConfig)) *Menus {
	k.t.Helper()
	cfg := MenusConfig{Files: files, Env: menus.DefaultEnv(), Store: k.store, Now: k.now, Name: "node"}
	if set != nil {
		set(&cfg)
	}
	m, err := OpenMenus(k.t.Context(), cfg)
	if err != nil {
		k.t.Fatal(err)
	}
	return m
}

// edit puts other files in the place of a gateway's.
func (k *kitchen) edit(m *Menus, files fs.FS) string {
	k.t.Helper()
	m.Files = files
	if err := m.edited(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
	return m.files
}

func (k *kitchen) see(m *Menus) { m.published(k.t.Context()) }

// share counts the numbers of a sample that begin on a revision.
func share(m *Menus, id string) int {
	n := 0
	for i := range 1000 {
		if m.For(fmt.Sprintf("2557000%05d", i)).Revision() == id {
			n++
		}
	}
	return n
}

func TestShareOfTheNumbersIsStableAndGrows(t *testing.T) {
	const numbers = 50_000
	in, both := 0, 0
	for i := range numbers {
		n := fmt.Sprintf("255712%06d", i)
		if inShare("a", n, 5) {
			in++
			if !inShare("a", n, 5) || !inShare("a", n, 25) {
				t.Fatal("a number that was in is out")
			}
			if inShare("b", n, 5) {
				both++
			}
		}
		if inShare("a", n, 0) {
			t.Fatal("in a share of none")
		}
	}
	if in < numbers*4/100 || in > numbers*6/100 {
		t.Errorf("%d of %d numbers in 5 percent", in, numbers)
	}
	if both > in/5 {
		t.Errorf("%d of %d try the next revision too: it is always the same customers", both, in)
	}
}

func TestNewRevisionGoesToItsShareFirst(t *testing.T) {
	k := newKitchen(t)
	m := k.gateway(files(t, "One"), func(c *MenusConfig) { c.Canary = 10 })
	one := m.Current().Revision()
	two := k.edit(m, files(t, "Two"))
	if m.Current().Revision() != one || share(m, two) < 60 || share(m, two) > 140 {
		t.Fatalf("current %s, %d of 1000 on trial", m.Current().Revision(), share(m, two))
	}
	if err := m.Promote(t.Context(), "another", 0); !errors.Is(err, ErrMoved) {
		t.Errorf("promoting what is not on trial: %v", err)
	}
	if err := m.Promote(t.Context(), two, 50); err != nil || share(m, two) < 430 || share(m, two) > 570 {
		t.Errorf("half: %v, %d", err, share(m, two))
	}
	again := k.gateway(files(t, "Two"), nil) // a restart
	if again.Current().Revision() != one || share(again, two) != share(m, two) {
		t.Error("a restart changed the trial")
	}
	if err := m.Promote(t.Context(), "", 0); err != nil || m.Current().Revision() != two || share(m, two) != 1000 {
		t.Errorf("all: %v", err)
	}
	if err := m.Promote(t.Context(), "", 0); !errors.Is(err, ErrNoCanary) {
		t.Errorf("nothing on trial: %v", err)
	}
	if err := m.Rollback(t.Context(), ""); err != nil || m.Current().Revision() != one {
		t.Errorf("back: %v", err)
	}
	if err := m.Rollback(t.Context(), ""); !errors.Is(err, ErrNoPrevious) {
		t.Errorf("twice back: %v", err)
	}
	three := k.edit(m, files(t, "Three"))
	if err := m.Rollback(t.Context(), three); err != nil || share(m, one) != 1000 {
		t.Errorf("the end of a trial: %v", err)
	}
	k.edit(m, files(t, "Four"))
	k.edit(m, files(t, "One"))
	if st := m.Status(); st.Canary != "" || st.Current != one {
		t.Errorf("an edit that was undone: %+v", st)
	}
}

func TestWhatIsPublishedServesOnEveryGateway(t *testing.T) {
	k := newKitchen(t)
	a := k.gateway(files(t, "One"), nil)
	b := k.gateway(files(t, "One"), nil)
	two := k.edit(a, files(t, "Two"))
	k.see(b)
	if b.Current().Revision() != two {
		t.Fatalf("the other gateway serves %s", b.Current().Revision())
	}
	if err := b.Rollback(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	k.see(a)
	if a.Current().Revision() == two {
		t.Error("the gateway with the files did not follow the other's rollback")
	}
	// The same files, arriving late on b, do not bring back what was taken away.
	k.edit(b, files(t, "Two"))
	if b.Current().Revision() == two {
		t.Error("late files undid a rollback")
	}
	if changed, err := b.Reload(t.Context(), "amina"); !changed || err != nil || b.Current().Revision() != two {
		t.Errorf("an operator's reload: %v %v", changed, err)
	}
	if all := b.Status().All; all[0].By != "amina" && all[1].By != "amina" {
		t.Errorf("nobody is recorded: %+v", all)
	}
}

func TestTwoOperatorsAtOnceDoNotUndoEachOther(t *testing.T) {
	k := newKitchen(t)
	a := k.gateway(files(t, "One"), nil)
	two := k.edit(a, files(t, "Two"))
	b := k.gateway(files(t, "Two"), nil)
	if err := a.Rollback(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	if err := b.Rollback(t.Context(), two); !errors.Is(err, ErrNoPrevious) && !errors.Is(err, ErrMoved) {
		t.Errorf("the second rollback: %v", err)
	}
}

func TestGatewayThatCannotServeWhatIsPublishedGoesOnAndSaysSo(t *testing.T) {
	k := newKitchen(t)
	refuses := ""
	a := k.gateway(files(t, "One"), nil)
	b := k.gateway(files(t, "One"), func(c *MenusConfig) {
		c.Check = func(c *menus.Catalog) error {
			if c.Revision() == refuses {
				return errors.New("the core cannot serve this")
			}
			return nil
		}
	})
	one := a.Current().Revision()
	env := a.Env
	env.Limits.Septets = 160 // not the same configuration
	c := k.gateway(files(t, "One"), func(c *MenusConfig) { c.Follow = FollowPublished })
	c.Env = env
	a.Files = files(t, "Two")
	other, err := menus.Load(a.Files, a.Env)
	if err != nil {
		t.Fatal(err)
	}
	refuses = other.Revision()
	k.edit(a, a.Files)
	for name, m := range map[string]*Menus{"another core": b, "another env": c} {
		k.see(m)
		if m.Current().Revision() != one || m.Behind() == nil {
			t.Errorf("%s: serves %s, behind: %v", name, m.Current().Revision(), m.Behind())
		}
	}
	if err := a.Rollback(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	k.see(b)
	if b.Behind() != nil {
		t.Errorf("still behind: %v", b.Behind())
	}
	b.Files = other2(t, refuses, b.Env)
	if _, err := b.Reload(t.Context(), "amina"); err == nil || b.Broken() == nil || b.Current().Revision() != one {
		t.Errorf("menus that the core cannot serve were published: %v", err)
	}
}

// other2 are the files of the revision that the core refuses.
func other2(t *testing.T, want string, env menus.Env) fs.FS {
	t.Helper()
	f := files(t, "Two")
	if c, err := menus.Load(f, env); err != nil || c.Revision() != want {
		t.Fatal(err)
	}
	return f
}

func TestStartWithOtherFilesServesWhatFollowSays(t *testing.T) {
	for _, tc := range []struct {
		name   string
		follow Follow
		files  string // at the second start: New, or Taken back before
		want   string
	}{
		{"published: other files wait", FollowPublished, "New", "One"},
		{"files: new ones are published", FollowFiles, "New", "New"},
		{"files: what was taken back stays so", FollowFiles, "Back", "One"},
		{"edits: what changed meanwhile is published", FollowEdits, "New", "New"},
		{"edits: what was taken back stays so", FollowEdits, "Back", "One"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := newKitchen(t)
			m := k.gateway(files(t, "One"), nil)
			k.edit(m, files(t, "Back"))
			if err := m.Rollback(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			m = k.gateway(files(t, tc.files), func(c *MenusConfig) { c.Follow = tc.follow })
			want, err := menus.Load(files(t, tc.want), m.Env)
			if err != nil {
				t.Fatal(err)
			}
			if m.Current().Revision() != want.Revision() {
				t.Errorf("serves %s, want %s", m.Current().Revision(), want.Revision())
			}
			// And so it does at the next start.
			m = k.gateway(files(t, tc.files), func(c *MenusConfig) { c.Follow = tc.follow })
			if m.Current().Revision() != want.Revision() {
				t.Errorf("after one more restart it serves %s", m.Current().Revision())
			}
		})
	}
}

func TestBrokenFilesAtTheStartServeWhatIsPublished(t *testing.T) {
	k := newKitchen(t)
	broken := files(t, "One")
	broken["wallet.yaml"] = &fstest.MapFile{Data: []byte("menu: [")}
	if _, err := OpenMenus(t.Context(), MenusConfig{Files: broken, Env: menus.DefaultEnv(), Store: k.store}); err == nil {
		t.Error("started with nothing to serve")
	}
	one := k.gateway(files(t, "One"), nil).Current().Revision()
	m := k.gateway(broken, nil)
	if m.Current().Revision() != one || m.Broken() == nil {
		t.Errorf("serves %s, broken: %v", m.Current().Revision(), m.Broken())
	}
}

func TestRevisionIsRetiredWhenItsLastDialogueEnded(t *testing.T) {
	k := newKitchen(t)
	m := k.gateway(files(t, "One"), nil)
	one := m.Current().Revision()
	m.began(one, true)
	two := k.edit(m, files(t, "Two"))
	loaded := func(id string) bool {
		for _, r := range m.Status().All {
			if r.ID == id {
				return r.Loaded
			}
		}
		return false
	}
	k.clock = k.clock.Add(2 * idle)
	m.retire()
	if !loaded(one) || !loaded(two) {
		t.Fatal("a revision with a dialogue was freed")
	}
	m.ended(one, EndDone)
	m.retire()
	if loaded(one) || !loaded(two) {
		t.Errorf("after its last dialogue: one %v, two %v", loaded(one), loaded(two))
	}
	if c, err := m.Revision(t.Context(), one); err != nil || c.Revision() != one {
		t.Errorf("who still needs it: %v", err)
	}
	// The store's copy goes when nothing can need it: not while it could be
	// returned to, and keep after that.
	k.edit(m, files(t, "Three"))
	k.clock = k.clock.Add(m.Keep - time.Hour)
	if err := m.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := k.store.Revision(t.Context(), one); err != nil {
		t.Errorf("forgotten too early: %v", err)
	}
	k.clock = k.clock.Add(2 * time.Hour)
	if err := m.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := k.store.Revision(t.Context(), one); !errors.Is(err, sessions.ErrNotFound) {
		t.Errorf("it is still in the store: %v", err)
	}
	if _, err := k.store.Revision(t.Context(), two); err != nil {
		t.Errorf("what a rollback returns to is gone: %v", err)
	}
}

// racing publishes a revision again while another gateway forgets it.
type racing struct {
	sessions.Store
	meanwhile func()
}

func (r *racing) DropRevision(ctx context.Context, id string) error {
	err := r.Store.DropRevision(ctx, id)
	if f := r.meanwhile; f != nil {
		r.meanwhile = nil
		f()
	}
	return err
}

func TestRevisionThatIsOfferedAgainWhileItIsForgottenStays(t *testing.T) {
	k := newKitchen(t)
	a := k.gateway(files(t, "One"), nil)
	one := a.Current().Revision()
	k.edit(a, files(t, "Two"))
	k.edit(a, files(t, "Three"))
	k.clock = k.clock.Add(a.Keep + time.Hour)
	b := k.gateway(files(t, "One"), nil)
	a.Store = &racing{Store: k.store, meanwhile: func() {
		if _, err := b.Reload(t.Context(), "amina"); err != nil {
			t.Error(err)
		}
	}}
	if err := a.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := k.store.Revision(t.Context(), one); err != nil {
		t.Errorf("what serves is not in the store: %v", err)
	}
}

func TestCountsSayHowDialoguesFare(t *testing.T) {
	b := newBench(t)
	one := b.Menus.Current().Revision()
	b.dial("home")
	b.say(b.message(Abort, ""))
	b.toPIN()
	b.press("1234", "sent")
	b.dial("home")
	all := b.Menus.Counts()
	got := all[len(all)-1]
	if got.ID != one || got.Open != 1 || got.Begun != 3 || got.Completed != 1 || got.Abandoned != 1 || got.Failed != 0 {
		t.Errorf("%+v", got)
	}
	if s, ok := got.Completion(); !ok || s != 0.5 {
		t.Errorf("completion %v %v", s, ok)
	}
	for i := range 2 * maxCounted {
		id := fmt.Sprint("r", i)
		b.Menus.began(id, true)
		b.Menus.ended(id, EndDone)
	}
	var begun, done int64
	all = b.Menus.Counts()
	for _, c := range all {
		begun, done = begun+c.Begun, done+c.Completed
	}
	if len(all) > maxCounted+1 || begun != 3+2*maxCounted || done != 1+2*maxCounted {
		t.Errorf("%d revisions apart, %d begun, %d completed", len(all), begun, done)
	}
}

func TestTooManyRevisionsInADayAreRefusedAndOldOnesMakeRoom(t *testing.T) {
	var r rollout
	now := time.Now()
	for i := range mostKnown {
		if err := r.publish(fmt.Sprint(i), "test", 0, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.publish("one more", "test", 0, now); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v", err)
	}
	if ids := r.stale(30*24*time.Hour, now.Add(time.Hour)); len(ids) != 0 {
		t.Errorf("%d revisions are dropped that dialogues may be on", len(ids))
	}
	off := r.forget(r.stale(30*24*time.Hour, now.Add(stillInUse+time.Hour)))
	if len(r.Known) != crowded || len(off) != mostKnown-crowded || r.place(r.Current) < 0 || r.place(r.Previous) < 0 {
		t.Errorf("%d are left, %d dropped", len(r.Known), len(off))
	}
	octets, err := r.encode()
	if err != nil || len(octets) > sessions.MaxFact {
		t.Errorf("%d octets, %v", len(octets), err)
	}
}
