package ops

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"nyota/gateway/dialog"
	"nyota/menus"
	"nyota/sessions"
)

// boards are those of two gateways on one store.
func boards(t *testing.T) (a, b *Board, advance func(time.Duration)) {
	t.Helper()
	store, err := sessions.OpenEmbedded(t.TempDir(), sessions.EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	m, err := dialog.OpenMenus(t.Context(), dialog.MenusConfig{Files: os.DirFS("../../menus/catalog"), Env: menus.DefaultEnv(), Store: store})
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Now().Truncate(time.Second)
	open := func() *Board {
		b, err := OpenBoard(t.Context(), BoardConfig{Store: store, Menus: m, Now: func() time.Time { return clock }})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return open(), open(), func(d time.Duration) { clock = clock.Add(d) }
}

func (b *Board) mustSet(t *testing.T, n Notice) Notice {
	t.Helper()
	n, err := b.Set(t.Context(), n, "amina")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (b *Board) see(t *testing.T) {
	t.Helper()
	if err := b.look(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPlannedMaintenanceClosesItsCallInItsTimeOnEveryGateway(t *testing.T) {
	a, b, advance := boards(t)
	now := a.Now()
	n := a.mustSet(t, Notice{Kind: NoticeClosed, Call: "transfer", From: now.Add(time.Hour), Until: now.Add(2 * time.Hour)})
	if n.ID == "" || n.By != "amina" || n.State != "planned" {
		t.Errorf("%+v", n)
	}
	b.see(t)
	closed := func(call string, want bool) {
		t.Helper()
		for _, board := range []*Board{a, b} {
			if why, got := board.Closed(call); got != want || got && !why.Until.Equal(n.Until) {
				t.Errorf("%s closed: %v until %v, want %v", call, got, why.Until, want)
			}
		}
	}
	closed("transfer", false)
	advance(time.Hour)
	closed("transfer", true)
	closed("balance", false)
	closed("", false)
	advance(time.Hour)
	closed("transfer", false)
	if l := b.List(); len(l) != 1 || l[0].State != "over" {
		t.Errorf("%+v", l)
	}
	if _, err := b.Clear(t.Context(), n.ID); err != nil {
		t.Fatal(err)
	}
	a.see(t)
	if len(a.List()) != 0 {
		t.Error("a notice that was cleared elsewhere stays")
	}
	if _, err := a.Clear(t.Context(), n.ID); !errors.Is(err, ErrNoNotice) || !strings.Contains(err.Error(), "the board has none") {
		t.Errorf("cleared twice: %v", err)
	}
	one, two := a.mustSet(t, Notice{Kind: NoticeClosed, Call: "transfer"}), a.mustSet(t, Notice{Kind: NoticeOpen, Call: "balance"})
	if _, err := a.Clear(t.Context(), "99"); err == nil || !strings.Contains(err.Error(), `no notice "99": the board has `+one.ID+", "+two.ID) {
		t.Errorf("%v", err)
	}
}

func TestOneBillerIsClosedAndNobodyElse(t *testing.T) {
	a, b, _ := boards(t)
	until := a.Now().Add(time.Hour)
	a.mustSet(t, Notice{Kind: NoticeClosed, Call: "billpay/100100", Until: until})
	b.see(t)
	for name, want := range map[string]bool{
		"billpay/100100": true, "billpay": false, "billpay/1001001": false, "billpay/200200": false,
		"merchantpay/100100": false, "": false, "transfer": false,
	} {
		if why, closed := b.Closed(name); closed != want || closed && !why.Until.Equal(until) {
			t.Errorf("%q closed: %v until %v", name, closed, why.Until)
		}
	}
	// Whoever closes the call closes every biller.
	a.mustSet(t, Notice{Kind: NoticeClosed, Call: "billpay"})
	if why, closed := a.Closed("billpay/100100"); !closed || !why.Until.IsZero() {
		t.Errorf("closed: %v until %v", closed, why.Until)
	}
}

func TestClosedStandsAboveOpenAndTheLongestCounts(t *testing.T) {
	a, _, _ := boards(t)
	until := a.Now().Add(time.Hour)
	a.mustSet(t, Notice{Kind: NoticeOpen, Call: "transfer"})
	if _, closed := a.Closed("transfer"); closed || !a.Open("transfer") || a.Open("balance") {
		t.Error("what is open is closed")
	}
	a.mustSet(t, Notice{Kind: NoticeClosed, Call: "transfer", Until: until})
	if why, closed := a.Closed("transfer"); !closed || !why.Until.Equal(until) {
		t.Error("open stands above closed")
	}
	a.mustSet(t, Notice{Kind: NoticeClosed, Call: AllCalls, Until: until.Add(time.Hour)})
	for _, call := range []string{"", "transfer", "balance"} {
		if why, closed := a.Closed(call); !closed || !why.Until.Equal(until.Add(time.Hour)) {
			t.Errorf("%q: closed %v until %v", call, closed, why.Until)
		}
	}
	a.mustSet(t, Notice{Kind: NoticeClosed, Call: "transfer"})
	if why, _ := a.Closed("transfer"); !why.Until.IsZero() {
		t.Errorf("nobody knows until when, and it says %v", why.Until)
	}
}

func TestInfoIsSaidAndClosesNothing(t *testing.T) {
	a, _, advance := boards(t)
	if a.Notice() != nil {
		t.Error("said before it was set")
	}
	texts := map[string]string{"en": "Closed tonight", "sw": "b", "fr": "c", "am": "d"}
	a.mustSet(t, Notice{Kind: NoticeInfo, Call: AllCalls, Text: texts, Until: a.Now().Add(time.Hour)})
	n := a.Notice()
	if n == nil || n.Words.Text("en", n.Until, a.Now()) != "Closed tonight" {
		t.Fatalf("%+v", n)
	}
	if _, closed := a.Closed("transfer"); closed {
		t.Error("an info closes")
	}
	advance(time.Hour)
	if a.Notice() != nil {
		t.Error("said when it is over")
	}
}

func TestWrongNoticesAreRefusedWithWhatToWrite(t *testing.T) {
	a, _, _ := boards(t)
	now := a.Now()
	h := Notices(a)
	post := func(body any) (int, string) {
		octets, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/notices", strings.NewReader(string(octets))))
		return w.Code, w.Body.String()
	}
	for _, tc := range []struct {
		name string
		body any
		code int
		want string
	}{
		{"no such kind", Notice{Kind: "shut", Call: "transfer"}, 422, "kind is closed, open or info"},
		{"no such call", Notice{Kind: NoticeClosed, Call: "transfr"}, 422, "it is one of"},
		{"the whole service by mistake", Notice{Kind: NoticeClosed}, 422, "or all"},
		{"over before it begins", Notice{Kind: NoticeClosed, Call: AllCalls, From: now.Add(time.Hour), Until: now}, 422, "over before it begins"},
		{"over already", Notice{Kind: NoticeClosed, Call: AllCalls, From: now.Add(-2 * time.Hour), Until: now.Add(-time.Hour)}, 422, "over already"},
		{"an info of one call", Notice{Kind: NoticeInfo, Call: "transfer", Text: map[string]string{"en": "a"}}, 422, "whole service"},
		{"an info without words", Notice{Kind: NoticeInfo, Call: AllCalls}, 422, "needs a text"},
		{"words that nobody reads", Notice{Kind: NoticeOpen, Call: "transfer", Text: map[string]string{"en": "a"}}, 422, "nobody would read"},
		{"a language less", Notice{Kind: NoticeClosed, Call: "transfer", Text: map[string]string{"en": "a"}}, 422, "text sw: missing-translation"},
		{"a time without one", Notice{Kind: NoticeClosed, Call: "transfer", Text: map[string]string{"en": "till {until}", "sw": "b", "fr": "c", "am": "d"}}, 422, "text en:1:6: unset-variable"},
		{"one of a call that pays no such", Notice{Kind: NoticeClosed, Call: "transfer/255700000002"}, 422, "close the whole call"},
		{"one without a name", Notice{Kind: NoticeClosed, Call: "billpay/"}, 422, "is no biller"},
		{"one with no possible name", Notice{Kind: NoticeClosed, Call: "billpay/1/2"}, 422, "is no biller"},
		{"one of nothing", Notice{Kind: NoticeClosed, Call: "bilpay/1"}, 422, "it is one of"},
		{"one that is open", Notice{Kind: NoticeOpen, Call: "billpay/100100"}, 422, "a whole call"},
		{"a call of the gateway's own", Notice{Kind: NoticeClosed, Call: "last_balance"}, 422, "that can be closed: it is one of"},
		{"no notice", map[string]int{"when": 1}, 400, "unknown field"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if code, body := post(tc.body); code != tc.code || !strings.Contains(body, tc.want) {
				t.Errorf("%d %s", code, body)
			}
		})
	}
	if len(a.List()) != 0 {
		t.Errorf("%+v", a.List())
	}
	if code, body := post(Notice{Kind: NoticeClosed, Call: "transfer"}); code != http.StatusOK || !strings.Contains(body, `"id":"1"`) {
		t.Errorf("%d %s", code, body)
	}
}

func TestBoardIsBoundedAndForgetsWhatIsLongOver(t *testing.T) {
	a, _, advance := boards(t)
	for range maxNotices {
		a.mustSet(t, Notice{Kind: NoticeClosed, Call: "transfer", Until: a.Now().Add(time.Hour)})
	}
	if _, err := a.Set(t.Context(), Notice{Kind: NoticeClosed, Call: "transfer"}, "amina"); !errors.Is(err, ErrBoardFull) {
		t.Errorf("one too many: %v", err)
	}
	advance(overForgets + 2*time.Hour)
	n := a.mustSet(t, Notice{Kind: NoticeClosed, Call: "transfer"})
	if l := a.List(); len(l) != 1 || n.ID != fmt.Sprint(maxNotices+1) {
		t.Errorf("%d notices, the last is %s", len(l), n.ID)
	}
}
