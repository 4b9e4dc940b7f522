package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nyota/gateway/config"
	"nyota/gateway/ops"
	"nyota/sessions/storetest"
)

// ownMenus gives a gateway a copy of the shipped menus, to be edited.
func ownMenus(t *testing.T, cfg *config.Config) (edit func(from, to string)) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../menus/catalog")); err != nil {
		t.Fatal(err)
	}
	cfg.Menus.Dir = dir
	return func(from, to string) {
		t.Helper()
		path := filepath.Join(dir, "wallet.yaml")
		octets, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(octets), from) {
			t.Fatal("cannot edit", err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(octets), from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// adminCommand runs a command against a running gateway and returns what it
// printed.
func adminCommand(t *testing.T, g *Gateway, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := command()
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(append(args, "--config", "../config.yaml", "--admin", "http://"+g.Addr("admin")))
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestEditDuring200DialoguesBreaksNone(t *testing.T) {
	const dialogues = 200
	cfg := testConfig(t)
	edit := ownMenus(t, &cfg)
	g := startGateway(t, cfg)
	handset(t, g, payer) // waits for the bind
	each := func(work func(h local)) {
		t.Helper()
		var wg sync.WaitGroup
		at := make(chan struct{}, 25)
		for i := range dialogues {
			h, err := g.smsc.Handset(fmt.Sprintf("2557001%05d", i))
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				at <- struct{}{}
				defer func() { <-at }()
				work(local{h})
			})
		}
		wg.Wait()
	}
	sees := func(h local, texts ...string) {
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			s, _ := h.snapshot()
			all := true
			for _, text := range texts {
				all = all && strings.Contains(s.Screen, text)
			}
			if all {
				return
			}
			if time.Now().After(end) {
				t.Errorf("%s: no %q in %q", h.MSISDN(), texts, s.Screen)
				return
			}
		}
	}
	try := func(h local, err error) {
		if err != nil {
			t.Errorf("%s: %v", h.MSISDN(), err)
		}
	}
	each(func(h local) {
		try(h, h.dial("*150*00#"))
		sees(h, "Send money")
	})
	old := g.menus.Current().Revision()
	edit("en: Send money", "en: Send shillings")
	eventually(t, "new dialogues begin on the edit", func() bool { return g.menus.Current().Revision() != old })
	fresh := handset(t, g, payee)
	try(fresh, fresh.dial("*150*00#"))
	sees(fresh, "Send shillings")
	edit("go: send_to", "go: nowhere")
	eventually(t, "the broken edit is noticed", func() bool { return g.menus.Broken() != nil })
	each(func(h local) { // on, and back to the screen that they began on
		try(h, h.press("1"))
		sees(h, "phone number")
		try(h, h.press("0"))
		sees(h, "Send money")
		try(h, h.press("5"))
		sees(h, "PIN")
	})
	open := map[string]int{}
	for _, c := range g.menus.Counts() {
		open[c.ID] = c.Open
	}
	if open[old] != dialogues {
		t.Errorf("%d dialogues are on the old menus, want %d", open[old], dialogues)
	}
	try(fresh, fresh.hangUp())
	try(fresh, fresh.dial("*150*00#"))
	sees(fresh, "Send shillings") // the broken edit changed nothing
	each(func(h local) {
		try(h, h.hangUp())
	})
	eventually(t, "no dialogue is on the old menus", func() bool {
		for _, c := range g.menus.Counts() {
			if c.ID == old {
				return c.Open == 0 && c.Begun == dialogues
			}
		}
		return false
	})
	out, err := adminCommand(t, g, "menus", "status")
	if err != nil || !strings.Contains(out, "unknown-screen") || !strings.Contains(out, old) {
		t.Errorf("menus status: %v\n%s", err, out)
	}
}

// pair is two gateways on one Valkey, each with files of its own.
func pair(t *testing.T, set func(*config.Config)) (a, b *Gateway, editA, editB func(from, to string)) {
	t.Helper()
	addr := storetest.StartValkey(t)
	var gateways [2]*Gateway
	var edits [2]func(from, to string)
	for i := range gateways {
		cfg := testConfig(t)
		cfg.Store.Kind, cfg.Store.Addresses = "valkey", []string{addr}
		cfg.Node.Name = fmt.Sprint("node-", i+1)
		edits[i] = ownMenus(t, &cfg)
		if set != nil {
			set(&cfg)
		}
		gateways[i] = startGateway(t, cfg)
	}
	return gateways[0], gateways[1], edits[0], edits[1]
}

// firstScreens dials from many numbers and counts who sees a text.
func firstScreens(t *testing.T, g *Gateway, text string) (n int) {
	t.Helper()
	handset(t, g, payer)
	for i := range 20 {
		h, err := g.smsc.Handset(fmt.Sprintf("2557002%05d", i))
		if err != nil {
			t.Fatal(err)
		}
		l := local{h}
		if err := l.dial("*150*00#"); err != nil {
			t.Fatal(err)
		}
		if s := shows(t, l, "Send"); strings.Contains(s.Screen, text) {
			n++
		}
		_ = l.hangUp()
	}
	return n
}

func TestMenusTravelThroughValkeyToEveryGateway(t *testing.T) {
	a, b, editA, editB := pair(t, func(c *config.Config) { c.Menus.Canary.Percent = 50 })
	one := a.menus.Current().Revision()
	editA("en: Send money", "en: Send shillings")
	var two string
	eventually(t, "the edit is on trial on the other gateway", func() bool {
		two = b.menus.Status().Canary
		return two != ""
	})
	na, nb := firstScreens(t, a, "shillings"), firstScreens(t, b, "shillings")
	if na == 0 || na == 20 || na != nb {
		t.Errorf("on trial for %d of 20 numbers on one gateway, and for %d on the other", na, nb)
	}
	if out, err := adminCommand(t, b, "menus", "promote", one); err == nil {
		t.Errorf("promoted what is not on trial: %s", out)
	}
	out, err := adminCommand(t, b, "menus", "promote", two)
	if err != nil || !strings.Contains(out, "serving    "+two) {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, "the first gateway serves what was promoted on the other", func() bool { return a.menus.Current().Revision() == two })
	if n := firstScreens(t, a, "shillings"); n != 20 {
		t.Errorf("promoted for %d of 20 numbers", n)
	}
	if out, err := adminCommand(t, a, "menus", "rollback", two); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, "the rollback reaches the other gateway", func() bool { return b.menus.Current().Revision() == one })
	if n := firstScreens(t, b, "shillings"); n != 0 {
		t.Errorf("after the rollback %d of 20 numbers see the edit", n)
	}
	out, err = adminCommand(t, a, "menus", "status", "--json")
	var st ops.MenusStatus
	if err != nil || json.Unmarshal([]byte(out), &st) != nil || st.Node != "node-1" || st.Files != two || st.Current != one {
		t.Errorf("%v\n%s", err, out)
	}
	// A gateway whose files arrive late, and one that starts with other files, do
	// not bring back what was taken away; an operator does.
	editB("en: Send money", "en: Send shillings")
	eventually(t, "the late files are read", func() bool { return b.menus.Status().Files == two })
	cfg := b.cfg
	c := startGateway(t, onOtherPorts(t, cfg))
	if c.menus.Current().Revision() != one || b.menus.Status().Canary != "" {
		t.Errorf("serving %s and %+v", c.menus.Current().Revision(), b.menus.Status())
	}
	if out, err := adminCommand(t, c, "menus", "reload"); err != nil || !strings.Contains(out, "on trial   "+two) {
		t.Errorf("%v\n%s", err, out)
	}
}

// onOtherPorts is the configuration of one more gateway on the same store.
func onOtherPorts(t *testing.T, like config.Config) config.Config {
	cfg := testConfig(t)
	cfg.Store, cfg.Menus, cfg.Node = like.Store, like.Menus, config.Node{Name: "node-3"}
	return cfg
}

func TestWhatServesSurvivesARestart(t *testing.T) {
	cfg := testConfig(t)
	cfg.Menus.Canary.Percent = 20
	edit := ownMenus(t, &cfg)
	g := startGateway(t, cfg)
	one := g.menus.Current().Revision()
	edit("en: Send money", "en: Send shillings")
	eventually(t, "a trial", func() bool { return g.menus.Status().Canary != "" })
	two := g.menus.Status().Canary
	restart := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		g = startGateway(t, cfg)
	}
	restart()
	if st := g.menus.Status(); st.Current != one || st.Canary != two || st.Percent != 20 {
		t.Errorf("after a restart: %+v", st)
	}
	if out, err := adminCommand(t, g, "menus", "rollback"); err != nil {
		t.Fatal(out, err)
	}
	restart()
	if st := g.menus.Status(); st.Current != one || st.Canary != "" {
		t.Errorf("a restart undid a rollback: %+v", st)
	}
}

func TestAdminCommandSaysWhyItIsRefused(t *testing.T) {
	cfg := testConfig(t)
	cfg.Admin.Token = "sesame-sesame-sesame"
	edit := ownMenus(t, &cfg)
	g := startGateway(t, cfg)
	edit("go: send_to", "go: nowhere")
	if out, err := adminCommand(t, g, "menus", "reload"); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("without a token: %v %s", err, out)
	}
	t.Setenv("NYOTA_TOKEN", cfg.Admin.Token)
	if _, err := adminCommand(t, g, "menus", "reload"); err == nil || !strings.Contains(err.Error(), "unknown-screen") {
		t.Errorf("broken files: %v", err)
	}
	if _, err := adminCommand(t, g, "menus", "rollback"); err == nil || !strings.Contains(err.Error(), "no earlier revision") {
		t.Errorf("nothing before: %v", err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+g.Addr("admin")+"/menus/rollback", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+cfg.Admin.Token)
	req.Header.Set("Origin", "https://elsewhere.example")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a web page elsewhere is answered with %d", resp.StatusCode)
	}
}
