package ledger_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"nyota/gateway/dialog"
	"nyota/gateway/ledger"
	"nyota/menus"
	"nyota/sessions"
)

var people = []string{"255700000001", "255700000002"}

// events are what can happen, the likely ones more than once.
var events = []string{"pay", "pay", "pay", "press", "press", "press", "dial", "twice", "key", "hang-up", "time", "time", "crash",
	"callback", "sms", "away", "shut", "well", "well", "back"}

// What customers press on their way, and what else they may press.
var (
	ways  = map[string]string{"send_to": "0700000003", "send_pin": "1234", "balance_pin": "1234", "send_short": "1", menus.ScreenOpen: "1"}
	other = []string{"0", "00", "1", "2", "9", "98", "9999", "0700000003", "x"}
)

// room is a channel on which no screen has a second page.
var room = menus.Limits{Septets: 1000, UCS2: 1000}

// tellKey is the key for an SMS when a service is back, "" if none is offered.
func tellKey(shown dialog.Reply) string {
	if i := strings.Index(shown.Text, " Tell me by SMS"); i > 0 {
		return shown.Text[i-1 : i]
	}
	return ""
}

// say delivers a message, and judges the screen that answers it.
func (w *world) say(who string, m dialog.Message) {
	w.last[who] = m
	w.do(func() {
		ctx, actions := context.Background(), len(w.store.actions)
		w.crowded = false
		reply, ok := w.dialog.Handle(ctx, m).Reply(ctx)
		if w.crowded && len(w.store.actions) != actions {
			w.failf("an action is born that found no place at the core")
		}
		if !ok {
			return
		}
		if w.shown[who] = reply; !reply.End {
			w.asked[who] = reply
		}
		w.judge(m.Key, reply)
	})
}

// message is the next one of a customer.
func (w *world) message(who string, kind dialog.Kind, text string) dialog.Message {
	w.clock = w.clock.Add(2 * time.Second)
	w.seq = w.seq%255 + 1 // 0 is none
	if kind == dialog.Answer && len(text) == 4 {
		w.pins[w.at[who]]++
	}
	return dialog.Message{Key: w.at[who], Kind: kind, Text: menus.Typed(text), Seq: w.seq, At: w.clock, Limits: room}
}

// answer is a key that a customer presses on the screen that he has.
func (w *world) answer(who, text string) {
	m, shown := w.message(who, dialog.Answer, text), w.asked[who]
	w.sure[m.Key] = shown.Screen == menus.ScreenAgain && text == "9"
	if w.moment++; text == tellKey(shown) {
		w.lastAsk[who] = w.moment
	}
	w.asks[who] = text == tellKey(shown)
	w.say(who, m)
}

func (w *world) dial(who string) {
	w.dials++
	w.at[who] = sessions.Key{Network: "demo", MSISDN: who, ID: fmt.Sprint(w.dials)}
	codes := []string{"*150*00#", "*150*00*1*0700000003*5000#", "*150*00*5#"}
	w.say(who, w.message(who, dialog.Dial, codes[w.pick("code", codes, 20)]))
}

// press is a customer's next key on the way to a payment, or a dial.
func (w *world) press(who string) {
	shown := w.shown[who]
	text := ways[shown.Screen]
	switch shown.Screen {
	case "home":
		errands := []string{"1", "5"}
		text = errands[w.pick("errand", errands, 15)]
	case "send_amount":
		amounts := []string{"5000", "7000"}
		text = amounts[w.pick("amount", amounts, 15)]
	case menus.ScreenAgain:
		text = []string{"1", "9"}[w.pick("insists", noYes, 50)]
	default:
		if key := tellKey(shown); key != "" && w.pick("wants-to-know", yesNo, 30) == 0 {
			text = key
		} else if strings.HasPrefix(shown.Screen, "balance_away") {
			text = "1"
		}
	}
	if text == "" || shown.End {
		w.dial(who)
		return
	}
	w.answer(who, text)
}

// act is one thing that happens.
func (w *world) act() {
	what := events[w.pick("what", events, 100)]
	who := people[w.pick("who", people, 50)]
	switch what {
	case "dial":
		w.dial(who)
	case "press":
		w.press(who)
	case "pay":
		w.dial(who)
		for n := 0; n < 8 && !w.shown[who].End; n++ {
			w.press(who)
		}
	case "twice": // delivered again
		w.twice(who)
	case "key":
		if text := other[w.pick("text", other, 100)]; w.at[who].ID != "" && !w.shown[who].End {
			w.answer(who, text)
		}
	case "hang-up":
		if w.at[who].ID != "" {
			w.say(who, w.message(who, dialog.Abort, ""))
		}
	case "time":
		long := []string{"1", "3", "7", "30", "200", "700"}
		w.pass(seconds(long[w.pick("seconds", long, 100)]))
	case "crash":
		w.crash()
	case "callback":
		w.callback()
	case "sms": // what is owed leaves
		w.store.submit()
	case "away":
		w.away = true
	case "shut":
		closed := []string{"transfer", "all", "balance"}
		w.shut = closed[w.pick("closes", closed, 40)]
	case "well":
		w.away, w.shut = false, ""
	case "back":
		ticks := []int{2, 45} // seconds: below and above what a service must be back for
		w.grant(ticks[w.pick("for-long", noYes, 50)])
	}
}

// twice delivers a customer's last message once more: one that was stepped is not
// stepped again.
func (w *world) twice(who string) {
	m, ok := w.last[who]
	if !ok {
		return
	}
	before := w.store.sessions[m.Key].now
	stepped := before != nil && m.Kind == dialog.Answer && before.LastSeq == m.Seq && before.Node == w.dialog.Node
	if w.moment++; w.asks[who] && !stepped {
		w.lastAsk[who] = w.moment
	}
	w.say(who, m)
	if after := w.store.sessions[m.Key].now; stepped && (after == nil || after.Version != before.Version) {
		w.failf("M9: a key that was delivered twice is two steps")
	}
}

// callback is the core's word about some action: a hint.
func (w *world) callback() {
	all := w.store.sorted("")
	if len(all) == 0 {
		return
	}
	a := all[len(all)-1-w.pick("of", ages[:min(len(all), len(ages))], 50)]
	w.do(func() {
		token, err := w.keys.SealToken(a.MSISDN, a.ID)
		if err == nil {
			err = w.ledger.Nudge(context.Background(), token)
		}
		if err != nil && !errors.Is(err, sessions.ErrNotFound) && !errors.Is(err, errUnreadable) {
			w.failf("%v", err)
		}
	})
}

// ages are actions, the newest first.
var ages = []string{"last", "one-before", "two-before", "three-before", "four-before"}

func (w *world) pass(d time.Duration) {
	w.clock = w.clock.Add(d)
	w.do(func() { _ = w.ledger.Tick(context.Background()) })
}

// grant lets the gateway tell for some seconds who asked that a service is back.
// Its own clock ticks in a bubble.
func (w *world) grant(ticks int) {
	w.do(func() {
		var thrown any
		synctest.Test(w.t, func(*testing.T) {
			ctx, end := context.WithCancel(context.Background())
			begun := time.Now()
			w.ahead = func() time.Duration { return time.Since(begun) }
			over := make(chan struct{})
			go func() {
				defer close(over)
				defer func() { thrown = recover() }()
				w.dialog.Wishes(ctx)
			}()
			time.Sleep(time.Duration(ticks) * time.Second)
			synctest.Wait()
			end()
			<-over
			w.clock, w.ahead = w.now(), nil
		})
		if thrown != nil {
			panic(thrown)
		}
	})
}

// settle lets everything come to its end: nothing fails any more, and time passes.
// Then everybody dials once more.
func (w *world) settle() {
	w.calm, w.away, w.shut = true, false, ""
	for range 400 {
		w.pass(4 * time.Minute)
		if all, _ := w.store.Open(context.Background(), people[0]); len(all) == 0 {
			if all, _ = w.store.Open(context.Background(), people[1]); len(all) == 0 {
				break
			}
		}
	}
	w.pass(horizon)
	for _, who := range people {
		w.dial(who)
	}
}

// reckon holds all that is recorded and owed against what happened.
func (w *world) reckon() {
	ids := map[string]bool{}
	born := map[sessions.Key]int{}
	for _, a := range w.store.sorted("") {
		ids[a.ID] = true
		born[a.Session]++
		happened := w.happened(a)
		switch {
		case !a.State.Final():
			w.failf("M5: an action ends %s", ledger.StateName(a.State))
		case happened != (a.State == sessions.Done):
			w.failf("M3: an action is %s, and it happened: %t", ledger.StateName(a.State), happened)
		}
		if why, said := w.notSent[a.ID]; said && happened {
			w.failf("M3: %q was said, and it happened", why)
		}
		for _, arg := range a.Args {
			if arg.Sealed != nil {
				w.failf("M6: a final action holds a secret")
			}
		}
		var owed []string
		for _, n := range w.store.notices {
			if n.Action != a.ID {
				continue
			}
			owed = append(owed, n.Role)
			if says := sayings(n.Text)[0].says; (says == saysMoved) != happened {
				w.failf("M5: an SMS says %q, and it happened: %t", n.Text, happened)
			}
		}
		slices.Sort(owed)
		want := "customer"
		if happened {
			want = "customer payee"
		}
		if got := strings.Join(owed, " "); got != want {
			w.failf("M5: an action that is %s owes notices to %q, want %q", ledger.StateName(a.State), got, want)
		}
	}
	for wire := range w.payments {
		if id := strings.TrimPrefix(wire, "wire-"); !ids[id] {
			w.failf("M7: the core knows an action that is lost")
		}
	}
	for key, n := range born {
		if n > w.pins[key] {
			w.failf("M7: %d actions of %d PINs", n, w.pins[key])
		}
	}
	for _, d := range w.store.odd {
		if d.Kind != ledger.KindMismatch {
			w.failf("a core that does not lie is said to contradict itself: %+v", d)
		}
	}
}

// live lets things happen as the dice want until more says no, and returns what
// promise was broken.
func (w *world) live(more func() bool) (err error) {
	defer func() {
		if b, ok := recover().(broken); ok {
			err = errors.New(b.why)
		}
	}()
	w.start()
	for more() {
		w.act()
	}
	w.settle()
	w.reckon()
	return nil
}

// TestM1M2M3M4M5M7HoldWhateverHappens lets dice decide on keys, redials, what is
// delivered twice, faults of the core and the store, what operators close,
// callbacks and deaths of the process, and holds all that was said and stored
// against a model. What it prints of a failure can be kept in testdata/stories.
func TestM1M2M3M4M5M7HoldWhateverHappens(t *testing.T) {
	set := map[string]string{"rapid.shrinktime": "0s"} // shorter knows more of stories
	if os.Getenv("NYOTA_SOAK") != "" {
		set["rapid.checks"] = "50000"
	}
	for name, value := range set {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	all := shared(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := all.world(t, drawn{rt})
		w.ill = rapid.SampledFrom([]int{0, 5, 15, 40}).Draw(rt, "ill")
		more := func() bool { return upTo[100].Draw(rt, "more") < 99 }
		if err := w.live(more); err != nil {
			short, why := all.shorter(t, w.story.lines)
			rt.Fatalf("%v\nThe story, which is to be kept:\n%s\nas short as it gets: %v\n%s", err, &w.story, why, strings.Join(short, "\n"))
		}
	})
}

// shorter leaves out of a story that breaks a promise what is not needed for that.
func (c common) shorter(t *testing.T, lines []string) (short []string, why error) {
	try := func(lines []string) bool {
		d := read(strings.Join(lines, "\n"))
		err := c.world(t, d).live(func() bool { return len(d.lines) > 0 })
		if err != nil {
			short, why = lines, err
		}
		return err != nil
	}
	try(lines)
	for before := -1; before != len(strings.Join(short, "\n")); {
		before = len(strings.Join(short, "\n"))
		for i := len(short) - 1; i >= 0; i-- {
			if try(slices.Delete(slices.Clone(short), i, i+1)) {
				continue
			}
			for words := strings.Fields(short[i]); len(words) > 1; words = words[:len(words)-1] {
				rest := slices.DeleteFunc(strings.Fields(short[i]), func(w string) bool { return w == words[len(words)-1] })
				with := slices.Clone(short)
				with[i] = strings.Join(rest, " ")
				try(with)
			}
		}
	}
	return short, why
}

// The stories in testdata were found by the test above while something was broken,
// which each says in its first lines.
func TestStoriesThatWereFoundHoldTheirPromises(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d stories: %v", len(files), err)
	}
	all := shared(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d := read(string(text))
			w := all.world(t, d)
			if err := w.live(func() bool { return len(d.lines) > 0 }); err != nil {
				t.Fatal(err)
			}
			if d.left(); len(d.wrong) > 0 {
				t.Errorf("these cannot happen any more, so that the story tells nothing: %v", d.wrong)
			}
		})
	}
}

// common is what all worlds have: the menus, the operators' words, and the key.
type common struct {
	menus *dialog.Menus
	words *menus.Announcement
	keys  *sessions.Keyring
}

func shared(t *testing.T) common {
	t.Helper()
	store, err := sessions.OpenEmbedded(t.TempDir(), sessions.EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	m, err := dialog.OpenMenus(t.Context(), dialog.MenusConfig{Files: os.DirFS("../../menus/catalog"), Env: menus.DefaultEnv(), Store: store, Log: slog.New(slog.DiscardHandler), Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, lang := range m.Current().Languages() {
		texts[lang] = "Some services are closed tonight."
	}
	words, err := m.Current().Announcement(texts, false)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := sessions.NewKeyring([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return common{m, words, keys}
}

// world returns a new one. Its time is ahead of ours, so that no deadline of its
// is over before it began, and always the same, so that a story repeats.
func (c common) world(t *testing.T, d dice) *world {
	w := &world{t: t, dice: d, clock: time.Date(2100, 1, 1, 12, 0, 0, 0, time.UTC), menus: c.menus, words: c.words, keys: c.keys,
		at: map[string]sessions.Key{}, last: map[string]dialog.Message{}, shown: map[string]dialog.Reply{}, asked: map[string]dialog.Reply{}, asks: map[string]bool{}, payments: map[string]*payment{},
		pins: map[sessions.Key]int{}, sure: map[sessions.Key]bool{}, names: map[string]string{}, notSent: map[string]string{},
		posted: map[string]string{}, lastAsk: map[string]int{}, lastBack: map[[2]string]int{}}
	w.store = newMemStore(w.now, w.fault)
	w.store.born, w.store.noticed, w.store.unreadable = w.born, w.noticed, w.unreadable
	return w
}
