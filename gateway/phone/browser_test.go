package phone

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// chromium returns a browser's path. Without one the test is skipped, or fails
// where CI says that everything is to run.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const what = "no Chromium here: apt-get install chromium"
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
	return ""
}

// tab is a browser's tab.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func newTab(t *testing.T, width, height int64, opts ...chromedp.EmulateViewportOption) *tab {
	t.Helper()
	alloc, stop := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(chromium(t)), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	quiet := func(string, ...any) {}
	ctx, end := chromedp.NewContext(alloc, chromedp.WithErrorf(quiet), chromedp.WithLogf(quiet))
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		end()
		stop()
	})
	b := &tab{t, ctx}
	b.do(chromedp.EmulateViewport(width, height, opts...))
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func js[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for a condition on the page.
func (b *tab) until(expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		page := js[string](b, "document.body.innerText")
		b.t.Fatalf("waiting for %s: %v\nthe page reads:\n%s", expression, err, page)
	}
}

// shot leaves a screenshot to be looked at.
func (b *tab) shot(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// part is a selector within one phone.
func part(msisdn, role string) string {
	return fmt.Sprintf("section[data-msisdn=%q] [data-role=%s]", msisdn, role)
}

func shows(msisdn, role, text string) string {
	return fmt.Sprintf("document.querySelector(%q)?.textContent.includes(%q) === true", part(msisdn, role), text)
}

func TestSendingMoneyInABrowser(t *testing.T) {
	w := newWorld(t, Options{})
	b := newTab(t, 1280, 900)
	b.do(chromedp.Navigate(w.url + "/phone?msisdn=" + asha + "&msisdn=" + neema))
	b.until("document.querySelector('section')?.dataset.service === 'true'")
	b.do(
		chromedp.SendKeys(part(asha, "input"), "*150*00#"),
		chromedp.Click(part(asha, "call")),
	)
	for _, step := range []struct{ shows, type_ string }{
		{"1. Send money", "1"}, {"Phone number", "0700000002"}, {"Amount", "5000"},
	} {
		b.until(shows(asha, "screen", step.shows))
		b.do(
			chromedp.SendKeys(part(asha, "input"), step.type_),
			chromedp.Click(part(asha, "send")),
		)
	}
	b.until(shows(asha, "screen", "Enter your PIN"))
	if kind := js[string](b, fmt.Sprintf("document.querySelector(%q).type", part(asha, "input"))); kind != "password" {
		t.Errorf("the PIN is typed into a field of type %s", kind)
	}
	b.shot("pin.png")
	for _, key := range "1234" { // with the phone's own keys
		b.do(chromedp.Click(fmt.Sprintf("section[data-msisdn=%q] [data-key=%q]", asha, string(key))))
	}
	b.do(chromedp.Click(part(asha, "send")))
	b.until(shows(asha, "screen", "You sent TZS 5,000"))
	b.until(shows(asha, "sms", "You sent TZS 5,000"))
	b.until(shows(neema, "sms", "You received TZS 5,000"))
	b.shot("sent.png")

	transcript := js[string](b, fmt.Sprintf("document.querySelector(%q).textContent", part(asha, "transcript")))
	if !strings.Contains(transcript, "••••") || !strings.Contains(transcript, "/182 septets") {
		t.Errorf("the transcript reads %q", transcript)
	}
	if html := js[string](b, "document.documentElement.outerHTML"); strings.Contains(strings.ReplaceAll(html, "PIN <b>1234</b>", ""), ">1234<") {
		t.Error("the PIN is on the page")
	}
	if title := js[string](b, "document.title"); title != "(2) Nyota phone" {
		t.Errorf("title %q", title)
	}

	b.do(chromedp.Navigate(w.url + "/phone?msisdn=" + asha))
	b.until(shows(asha, "screen", "You sent TZS 5,000"))
}

func TestTheComputersKeyboardTypes(t *testing.T) {
	w := newWorld(t, Options{})
	b := newTab(t, 1280, 900)
	b.do(chromedp.Navigate(w.url + "/phone"))
	b.until("document.querySelector('section')?.dataset.service === 'true'")
	b.do(chromedp.KeyEvent("*150*00#\r"))
	b.until(shows(asha, "screen", "1. Send money"))
	b.do(chromedp.KeyEvent("1\r"))
	b.until(shows(asha, "screen", "Phone number"))
	b.do(chromedp.KeyEvent("\x1b"))
	b.until("document.querySelector('section').dataset.state === 'idle'")
}

func TestTheCoreIsSwitchedInABrowser(t *testing.T) {
	w := newWorld(t, Options{})
	b := newTab(t, 1280, 900)
	b.do(chromedp.Navigate(w.url + "/phone"))
	b.until("document.querySelector('[data-role=core-state]').dataset.mode === 'normal'")
	b.do(chromedp.Click("[data-role=core-state] input[value=silent]"))
	b.until("document.querySelector('[data-role=core-state]').dataset.mode === 'silent'")
	if f, _ := w.core.Faults(t.Context()); f.DropAnswers != 1 {
		t.Errorf("the core has %+v", f)
	}
}

func TestAPhoneWithoutAGatewayHasNoService(t *testing.T) {
	w := makeWorld(t, Options{}, true)
	b := newTab(t, 1280, 900)
	b.do(chromedp.Navigate(w.url + "/phone"))
	b.until("document.querySelector('section')?.dataset.service === 'false'")
	b.until(shows(asha, "operator", "No service"))
	b.do(chromedp.SendKeys(part(asha, "input"), "*150*00#"), chromedp.Click(part(asha, "call")))
	b.until(shows(asha, "screen", "Connection problem or invalid MMI code."))
	b.shot("no-service.png")
	b.do(chromedp.Click(part(asha, "hangup")))
	b.until("document.querySelector('section').dataset.state === 'idle'")
}

func TestPhonesAreAddedAndRemoved(t *testing.T) {
	w := newWorld(t, Options{MaxPhones: 2})
	b := newTab(t, 1280, 900)
	b.do(chromedp.Navigate(w.url + "/phone"))
	b.until("document.querySelectorAll('section[data-service=true]').length === 1")
	b.do(chromedp.Click("[data-role=add-phone] button"))
	b.until("document.querySelectorAll('section[data-service=true]').length === 2")
	if q := js[string](b, "location.search"); q != "?msisdn="+asha+"&msisdn="+neema {
		t.Errorf("the address says %q", q)
	}
	b.do(chromedp.Click("[data-role=add-phone] button"))
	b.until("document.querySelector('[data-role=toasts]').textContent.includes('At most 2')")
	b.do(chromedp.Click(part(asha, "remove")))
	b.until("document.querySelectorAll('section').length === 1 && location.search === '?msisdn=" + neema + "'")
}

func TestThePageComesBackByItself(t *testing.T) {
	w := newWorld(t, Options{})
	b := newTab(t, 1280, 900)
	b.do(chromedp.Navigate(w.url + "/phone"))
	b.until("document.body.dataset.connected === 'true'")
	w.lines.cut()
	b.until("document.body.dataset.connected === 'false' && !document.querySelector('[data-role=connection]').hidden")
	b.until("document.body.dataset.connected === 'true' && document.querySelector('[data-role=connection]').hidden")
	b.do(chromedp.SendKeys(part(asha, "input"), "*150*00#"), chromedp.Click(part(asha, "call")))
	b.until(shows(asha, "screen", "1. Send money"))
}

func TestThePageFitsSmallScreensByDayAndNight(t *testing.T) {
	w := newWorld(t, Options{})
	b := newTab(t, 375, 812, chromedp.EmulateMobile, chromedp.EmulateTouch)
	b.do(chromedp.Navigate(w.url + "/phone?msisdn=" + asha + "&msisdn=" + neema))
	b.until("document.querySelector('section')?.dataset.service === 'true'")
	if wide := js[int](b, "document.documentElement.scrollWidth"); wide > 375 {
		t.Errorf("the page is %d px wide on a screen of 375", wide)
	}
	for _, scheme := range []string{"light", "dark"} {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
			t.Fatal(err)
		}
		b.shot("small-" + scheme + ".png")
	}
}
