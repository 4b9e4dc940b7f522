package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"nyota/menus/menutest"
)

// authors is a gateway whose menus a test may edit.
type authors struct {
	*Gateway
	t   *testing.T
	dir string
}

func startAuthors(t *testing.T) *authors {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "menus")
	if err := os.CopyFS(dir, os.DirFS("../menus/catalog")); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t)
	cfg.Menus.Dir = dir
	a := &authors{startGateway(t, cfg), t, dir}
	handset(t, a.Gateway, payer)
	return a
}

func (a *authors) url(path string) string { return "http://" + a.Addr("http") + path }

// edit saves a file of the menus with something replaced in it.
func (a *authors) edit(name, old, with string) {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		a.t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(old)) {
		a.t.Fatalf("%s has no %q", name, old)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(data, []byte(old), []byte(with)), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// until waits for a condition on the page.
func until(expression string) chromedp.Action[chromedp.Void] {
	return discard(chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience)))
}

// look does something on a page, and keeps a picture of what it shows then.
func look(t *testing.T, ctx context.Context, picture string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		page, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
		screenshot(t, ctx, picture+"-failed")
		t.Fatalf("%s: %v\nthe page reads:\n%s", picture, err, page)
	}
	if picture != "" {
		// A picture shows what a page comes to rest on.
		const still = `document.getAnimations().every(a => a.playState !== "running" || a.effect.getTiming().iterations === Infinity)`
		if err := chromedp.Do(ctx, until(still)); err != nil {
			t.Fatal(err)
		}
		screenshot(t, ctx, picture)
	}
}

func evaluate[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFlowDrawsEveryMenuAndOpensThePhoneOnAScreen(t *testing.T) {
	a := startAuthors(t)
	ctx := browse(t, 1440, 900)
	look(t, ctx, "flow",
		chromedp.Navigate(a.url("/flow")),
		until(`document.querySelectorAll("g[data-screen]").length > 50 && document.querySelector(".ring") !== null`))
	names := evaluate[[]string](t, ctx, `[...document.querySelectorAll("[data-role=menus] input")].map(e => e.value)`)
	if strings.Join(names, " ") != strings.Join(a.menus.Current().Menus(), " ") {
		t.Errorf("the menus are %v", names)
	}
	drawn := evaluate[int](t, ctx, `document.querySelectorAll("g[data-screen]").length`)
	p, _ := a.menus.Current().Program("wallet")
	if drawn != len(p.Flow("")) {
		t.Errorf("%d screens of %d are drawn", drawn, len(p.Flow("")))
	}

	// A click on a screen opens the phone there, and its dialogue is as any other.
	click := `document.querySelector("g[data-screen=send_amount]").dispatchEvent(new MouseEvent("click", {bubbles: true}))`
	look(t, ctx, "start-anywhere",
		discard(chromedp.Evaluate[bool](click)),
		reads(payer, "screen", "Send to 0700000002. Enter amount"),
		until(`document.querySelector("g.here")?.dataset.screen === "send_amount"`),
		types(payer, "5000"), reads(payer, "screen", "Enter PIN"),
		until(`document.querySelector("g.here")?.dataset.screen === "send_pin"`))
	if err := chromedp.Do(ctx, types(payer, testPIN), reads(payer, "screen", "confirmed. TZS 5,000 sent to 0700000002")); err != nil {
		t.Fatal(err)
	}

	// With other values, in another language.
	look(t, ctx, "start-with-values",
		discard(chromedp.Evaluate[bool](`(() => { const s = document.querySelector("[data-role=lang]"); s.value = "fr"; s.dispatchEvent(new Event("change")); return true; })()`)),
		until(`document.querySelector("[data-screen=home]")?.textContent.includes("Solde")`),
		discard(chromedp.Evaluate[bool](`document.querySelector("g[data-screen=send_amount]").dispatchEvent(new MouseEvent("click", {bubbles: true}))`)),
		reads(payer, "screen", "Envoyer à 0700000002"),
		discard(chromedp.Evaluate[bool](`(() => { const f = document.getElementById("var-to"); f.value = "0700000003"; f.dispatchEvent(new Event("input")); return true; })()`)),
		chromedp.Click("[data-role=look-start]"),
		reads(payer, "screen", "Envoyer à 0700000003"))

	// Where money moves nobody can begin.
	look(t, ctx, "closed",
		discard(chromedp.Evaluate[bool](`document.querySelector("g[data-screen=send_pay]").dispatchEvent(new MouseEvent("click", {bubbles: true}))`)),
		until(`document.querySelector(".look .closed")?.textContent.includes("Money moves here")`))

	// The keyboard does it too, and other menus are one switch away.
	look(t, ctx, "flow-agent",
		chromedp.Click(`[data-role=menus] input[value=agent]`),
		until(`document.querySelector("[data-role=board]").dataset.menu === "agent" && document.querySelector("g[data-screen=deposit_to]") !== null`),
		discard(chromedp.Evaluate[bool](`(() => { const g = document.querySelector("g[data-screen=deposit_amount]"); g.focus(); g.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true})); return true; })()`)),
		until(`document.querySelector("g.here")?.dataset.screen === "deposit_amount"`))
}

func TestFlowFollowsEdits(t *testing.T) {
	a := startAuthors(t)
	ctx := browse(t, 1440, 900)
	look(t, ctx, "",
		chromedp.Navigate(a.url("/flow#wallet.send_amount")),
		until(`document.querySelector("g.chosen")?.dataset.screen === "send_amount"`))
	a.edit("wallet.yaml", "Enter amount", "How much")
	look(t, ctx, "flow-redrawn",
		until(`document.querySelector("g[data-screen=send_amount]")?.textContent.includes("How much")`),
		until(`document.querySelector("[data-role=saved]").textContent.startsWith("Redrawn at")`))
	if at := evaluate[string](t, ctx, `document.querySelector("[data-role=look-place]").textContent`); !strings.HasPrefix(at, "wallet.yaml:") {
		t.Errorf("the screen is written at %q", at)
	}
}

func TestEveryLanguageIsSideBySideWithOneKey(t *testing.T) {
	a := startAuthors(t)
	ctx := browse(t, 1440, 900)
	look(t, ctx, "side-by-side",
		chromedp.Navigate(a.url("/phone")),
		chromedp.WaitEnabled(role(payer, "call")),
		chromedp.SendKeys(role(payer, "input"), "*150*00#"),
		chromedp.Click(role(payer, "call")),
		reads(payer, "screen", "Send money"),
		chromedp.KeyEvent(kb.F2),
		until(`document.querySelectorAll(".tongue").length === 4`),
		types(payer, "1"), reads(payer, "screen", "phone number"), reads(payer, "tongues", "Tuma pesa"),
		types(payer, "0700000002"), reads(payer, "screen", "Enter amount"), reads(payer, "tongues", "Tuma kwa 0700000002"))
	var got []struct{ Lang, Text, Count, Longest string }
	raw := evaluate[string](t, ctx, `JSON.stringify([...document.querySelectorAll(".tongue")].map(e => ({
		Lang: e.lang, Text: e.querySelector(".mini-text").textContent,
		Count: e.querySelector(".count").textContent, Longest: e.querySelector(".longest").textContent})))`)
	if err := json.Unmarshal([]byte(raw), &got); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ lang, text, unit string }{
		{"en", "Send to 0700000002. Enter amount", "/182 septets"}, {"sw", "Tuma kwa 0700000002", "/182 septets"},
		{"fr", "Envoyer à 0700000002", "/182 septets"}, {"am", "ወደ 0700000002", "/80 UCS-2"},
	} {
		if len(got) <= i {
			t.Fatalf("only %d languages", len(got))
		}
		if g := got[i]; g.Lang != want.lang || !strings.Contains(g.Text, want.text) || !strings.HasSuffix(g.Count, want.unit) || !strings.HasPrefix(g.Longest, "At its longest ") {
			t.Errorf("%+v, want %+v", g, want)
		}
	}
	effort := evaluate[string](t, ctx, `document.querySelector("[data-role=effort-words]").textContent`)
	if !strings.HasPrefix(effort, "22 key presses · 2 answers · ") || !strings.HasSuffix(effort, " s of 180 s") {
		t.Errorf("it took %q", effort)
	}
	look(t, ctx, "side-by-side-pages", types(payer, "00"), reads(payer, "screen", "1 Send money"), reads(payer, "tongues", "98"))
	look(t, ctx, "",
		chromedp.KeyEvent(kb.F2),
		until(`document.querySelector("[data-role=tongues]").hidden`))
}

func TestADialogueIsSavedAsATestThatPasses(t *testing.T) {
	a := startAuthors(t)
	ctx := browse(t, 1440, 900)
	const other = "2468"
	look(t, ctx, "save-as-test",
		chromedp.Navigate(a.url("/phone")),
		chromedp.WaitEnabled(role(payer, "call")),
		chromedp.SendKeys(role(payer, "input"), "*150*00*1#"),
		chromedp.Click(role(payer, "call")),
		reads(payer, "screen", "phone number"),
		types(payer, "0700000002"), reads(payer, "screen", "Enter amount"),
		types(payer, "5000"), reads(payer, "screen", "Enter PIN"),
		types(payer, other), reads(payer, "screen", "Wrong PIN"),
		types(payer, testPIN), reads(payer, "screen", "confirmed"),
		chromedp.Click(role(payer, "save-test")),
		until(`document.querySelector("[data-role=test-text]")?.textContent.includes("cases:")`))
	look(t, ctx, "saved-test",
		discard(chromedp.Evaluate[bool](`(() => { const f = document.getElementById("test-file"); f.value = "from-the-phone"; return true; })()`)),
		chromedp.Click("[data-role=test-save]"),
		until(`document.querySelector("[data-role=test-said]").textContent.includes("from-the-phone.test.yaml")`))

	data, err := os.ReadFile(filepath.Join(a.dir, "from-the-phone.test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pin := range []string{testPIN, other} {
		if bytes.Contains(data, []byte(pin)) {
			t.Errorf("%s is in the test:\n%s", pin, data)
		}
	}
	for _, want := range []string{"press: secret\n", "press: secret2\n", "rejected: wrong_pin", "sms:", "*150*00*1#"} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("no %q in the test:\n%s", want, data)
		}
	}
	suite, err := menutest.Load(os.DirFS(a.dir), a.menus.Current())
	if err != nil {
		t.Fatal(err)
	}
	if report := suite.Run(nil); report.Failed() > 0 {
		t.Errorf("%v", report.Problems())
	}
	look(t, ctx, "",
		chromedp.Click("[data-role=test-save]"),
		until(`document.querySelector("[data-role=test-said]").textContent.includes("already")`))
}

func TestSavingAFileRedrawsTheOpenScreenAndABrokenOneShowsWhere(t *testing.T) {
	a := startAuthors(t)
	ctx := browse(t, 1360, 900)
	look(t, ctx, "",
		chromedp.Navigate(a.url("/phone")),
		chromedp.WaitEnabled(role(payer, "call")),
		chromedp.SendKeys(role(payer, "input"), "*150*00#"),
		chromedp.Click(role(payer, "call")),
		reads(payer, "screen", "Send money"),
		types(payer, "1"), reads(payer, "screen", "phone number"),
		chromedp.SendKeys(role(payer, "input"), "0700"))
	a.edit("wallet.yaml", "Send money. Enter the receiver's phone number", "Whom do you send money to")
	look(t, ctx, "live-redraw", reads(payer, "screen", "Whom do you send money to"))
	if typed := evaluate[string](t, ctx, `document.querySelector("[data-role=input]").value`); typed != "0700" {
		t.Errorf("what was being typed is %q now", typed)
	}

	a.edit("wallet.yaml", "start: home", "start: hom")
	look(t, ctx, "broken",
		until(`document.querySelector("[data-role=broken]").textContent.includes("unknown-screen")`))
	banner := evaluate[string](t, ctx, `document.querySelector("[data-role=broken]").textContent`)
	if !strings.Contains(banner, "wallet.yaml:7:8") || !strings.Contains(banner, `did you mean "home"?`) || !strings.Contains(banner, "The last good revision serves on.") {
		t.Errorf("the banner reads %q", banner)
	}
	look(t, ctx, "", // it serves on
		chromedp.SendKeys(role(payer, "input"), "000002"), chromedp.Click(role(payer, "send")),
		reads(payer, "screen", "Enter amount"))
	a.edit("wallet.yaml", "start: hom\n", "start: home\n")
	look(t, ctx, "repaired", until(`document.querySelector("[data-role=broken]").hidden`))
}

func TestPagesForAuthorsFitASmallScreen(t *testing.T) {
	a := startAuthors(t)
	ctx := browse(t, 390, 844)
	for _, page := range []struct{ name, path, ready string }{
		{"small-flow", "/flow#wallet.send_amount", `document.querySelector("g.chosen") !== null && document.querySelector(".ring") !== null`},
		{"small-side-by-side", "/phone", `document.querySelector("section") !== null && !document.querySelector("[data-role=tongues-toggle]").hidden`},
	} {
		look(t, ctx, "",
			chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile),
			chromedp.Navigate(a.url(page.path)), until(page.ready))
		if page.path == "/phone" {
			look(t, ctx, "", chromedp.Click("[data-role=tongues-toggle]"),
				chromedp.SendKeys(role(payer, "input"), "*150*00#"), chromedp.Click(role(payer, "call")),
				reads(payer, "tongues", "Tuma pesa"),
				discard(chromedp.Evaluate[bool](`(document.querySelector("[data-role=tongues]").scrollIntoView(), true)`)))
		}
		screenshot(t, ctx, page.name)
		if wide := evaluate[int](t, ctx, `document.documentElement.scrollWidth`); wide > 390 {
			t.Errorf("%s is %d px wide", page.name, wide)
		}
	}
}

func TestOnlyThisMachinesPagesStartDialoguesAndSaveTests(t *testing.T) {
	a := startAuthors(t)
	post := func(path, body string, change func(*http.Request)) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url(path), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if change != nil {
			change(r)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	body := `{"msisdn":"` + payer + `","menu":"wallet","screen":"home"}`
	for _, path := range []string{"/flow/start", "/phone/test"} {
		for name, tc := range map[string]struct {
			change func(*http.Request)
			want   int
		}{
			"another site's page":     {func(r *http.Request) { r.Header.Set("Origin", "http://elsewhere.example") }, http.StatusForbidden},
			"a page of another site":  {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
			"a name pointed here":     {func(r *http.Request) { r.Host = "nyota.elsewhere.example" }, http.StatusForbidden},
			"a proxy's other machine": {func(r *http.Request) { r.Header.Set("X-Forwarded-For", "10.0.0.9") }, http.StatusForbidden},
			"a form":                  {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusUnsupportedMediaType},
		} {
			if got := post(path, body, tc.change); got != tc.want {
				t.Errorf("%s, %s: %d, want %d", path, name, got, tc.want)
			}
		}
		if got := post(path, strings.Repeat(" ", 20<<10)+body, nil); got != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: a long body: %d", path, got)
		}
		if got := post(path, `{`, nil); got != http.StatusBadRequest {
			t.Errorf("%s: half a body: %d", path, got)
		}
	}
	if got := post("/flow/start", body, nil); got != http.StatusConflict {
		t.Errorf("a phone that is open on no page: %d", got)
	}
	stop, err := a.desk.Follow(payer)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"its own page":    {body, http.StatusOK},
		"no such menu":    {`{"msisdn":"` + payer + `","menu":"shop","screen":"home"}`, http.StatusNotFound},
		"no such screen":  {`{"msisdn":"` + payer + `","menu":"wallet","screen":"shop"}`, http.StatusUnprocessableEntity},
		"no number":       {`{"msisdn":"x","menu":"wallet","screen":"home"}`, http.StatusBadRequest},
		"a missing value": {`{"msisdn":"` + payer + `","menu":"wallet","screen":"send_amount"}`, http.StatusUnprocessableEntity},
	} {
		if got := post("/flow/start", tc.body, nil); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
	for _, file := range []string{"../evil", "wallet.yaml", "Wallet", "/tmp/x", "", "."} {
		got := post("/phone/test", `{"msisdn":"`+payer+`","file":"`+file+`"}`, nil)
		if file != "" && got != http.StatusUnprocessableEntity {
			t.Errorf("a file called %q: %d", file, got)
		}
	}
}

// What menus say is text on these pages, whatever it looks like.
func TestTextsOfMenusAreNoMarkup(t *testing.T) {
	a := startAuthors(t)
	a.edit("wallet.yaml", "Enter amount", "<img src=x onerror=alert(1)>&amp;")
	ctx := browse(t, 1200, 800)
	look(t, ctx, "",
		chromedp.Navigate(a.url("/flow#wallet.send_amount")),
		until(`document.querySelector("g[data-screen=send_amount]")?.textContent.includes("onerror=alert")`))
	if n := evaluate[int](t, ctx, `document.querySelectorAll("img, .canvas foreignObject, .canvas script, .canvas style").length`); n != 0 {
		t.Errorf("%d elements came from a text", n)
	}
	resp, err := http.Get(a.url("/flow"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
}
