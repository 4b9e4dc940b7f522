package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browse opens a headless Chromium of Debian's until the test ends.
func browse(t *testing.T, width, height int) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(need(t, "chromium")), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(width, height))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// screenshot keeps a picture of the page where NYOTA_SCREENSHOTS says, to be
// looked at.
func screenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if len(png) < 10_000 {
		t.Errorf("%s: a picture of %d octets shows nothing", name, len(png))
	}
	dir := os.Getenv("NYOTA_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

// role selects a part of one phone on the page.
func role(msisdn, name string) string {
	return `section[data-msisdn="` + msisdn + `"] [data-role="` + name + `"]`
}

// reads waits until a part of a phone has a text.
func reads(msisdn, part, text string) chromedp.Action[chromedp.Void] {
	return discard(chromedp.PollFunction[bool](`(selector, text) => {
		const e = document.querySelector(selector);
		return e !== null && e.textContent.includes(text);
	}`, chromedp.WithPollingArgs(role(msisdn, part), text), chromedp.WithPollingTimeout(patience)))
}

// discard runs an action for what it waits for.
func discard[T any](a chromedp.Action[T]) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := a(ctx, t)
		return err
	})
}

// types answers the question on a phone's screen.
func types(msisdn, text string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		chromedp.WaitEnabled(role(msisdn, "input")),
		chromedp.SendKeys(role(msisdn, "input"), text),
		chromedp.Click(role(msisdn, "send")),
	)
}

func TestBrowserPhoneSendsMoneyAndBothPhonesGetTheirSMS(t *testing.T) {
	g := startGateway(t, testConfig(t))
	handset(t, g, payer)
	ctx := browse(t, 1360, 940)
	err := chromedp.Do(ctx,
		chromedp.Navigate("http://"+g.Addr("http")+"/phone?msisdn="+payer+"&msisdn="+payee),
		chromedp.WaitEnabled(role(payer, "call")),
		chromedp.SendKeys(role(payer, "input"), "*150*00#"),
		chromedp.Click(role(payer, "call")),
		reads(payer, "screen", "Send money"),
	)
	if err != nil {
		t.Fatal(err)
	}
	screenshot(t, ctx, "menu")
	err = chromedp.Do(ctx,
		types(payer, "1"), reads(payer, "screen", "phone number"),
		types(payer, payee), reads(payer, "screen", "Enter amount"),
		types(payer, "5000"), reads(payer, "screen", "Enter PIN"),
		chromedp.SendKeys(role(payer, "input"), testPIN),
	)
	if err != nil {
		t.Fatal(err)
	}
	screenshot(t, ctx, "pin")
	kind, err := chromedp.Run(ctx, chromedp.AttributeValue(role(payer, "input"), "type"))
	if err != nil {
		t.Fatal(err)
	}
	err = chromedp.Do(ctx,
		chromedp.Click(role(payer, "send")),
		reads(payer, "screen", "confirmed"),
		reads(payer, "inbox", "You sent TZS 5,000"),
		reads(payee, "inbox", "You received TZS 5,000"),
	)
	if err != nil {
		t.Fatal(err)
	}
	transcript, err := chromedp.Run(ctx, chromedp.TextContent(role(payer, "transcript")))
	if err != nil {
		t.Fatal(err)
	}
	screenshot(t, ctx, "payment")
	if kind.Value != "password" {
		t.Errorf("the PIN is typed into an input of type %q: not as dots", kind.Value)
	}
	if strings.Contains(transcript, testPIN) || !strings.Contains(transcript, "••••") {
		t.Errorf("the transcript shows the PIN: %q", transcript)
	}
	if !strings.Contains(transcript, "/182") {
		t.Errorf("no septet counts in %q", transcript)
	}
}

func TestBrowserPhoneFitsASmallScreen(t *testing.T) {
	g := startGateway(t, testConfig(t))
	handset(t, g, payer)
	ctx := browse(t, 375, 740)
	err := chromedp.Do(ctx,
		chromedp.EmulateViewport(375, 740, chromedp.EmulateMobile),
		chromedp.Navigate("http://"+g.Addr("http")+"/phone"),
		chromedp.WaitEnabled(role(payer, "call")),
		chromedp.SendKeys(role(payer, "input"), "*150*00#"),
		chromedp.Click(role(payer, "call")),
		reads(payer, "screen", "Send money"),
	)
	if err != nil {
		t.Fatal(err)
	}
	overflow, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > window.innerWidth`))
	if err != nil {
		t.Fatal(err)
	}
	screenshot(t, ctx, "small")
	if overflow {
		t.Error("the page is wider than the screen")
	}
}
