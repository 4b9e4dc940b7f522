package sessions_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

// testdata/upgrade is what the release of 2026-11-23 left in each store when it
// was killed, and in JSON what it had written. The files are never written again:
// a later layout gets files beside them, and these must still be read.
type upgraded struct {
	Session  sessions.Session
	Actions  []sessions.Action // a-0 done, a-1 accepted, a-2 sent
	Notice   sessions.Notice
	Customer sessions.Customer
}

// checkUpgrade reads what an earlier release wrote, and goes on with it.
func checkUpgrade(t *testing.T, store sessions.Store, now time.Time) {
	t.Helper()
	ctx := t.Context()
	text, err := os.ReadFile("testdata/upgrade/records.json")
	if err != nil {
		t.Fatal(err)
	}
	var want upgraded
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	equal := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read as\n%+v, want\n%+v", what, got, want)
		}
	}
	msisdn := want.Customer.MSISDN
	s, err := store.Load(ctx, want.Session.Key)
	if err != nil {
		t.Fatal(err)
	}
	equal("session", s, want.Session)
	for _, a := range want.Actions {
		got, err := store.Action(ctx, msisdn, a.ID)
		if err != nil {
			t.Fatal(err)
		}
		equal(a.ID, got, a)
	}
	c, err := store.Customer(ctx, msisdn)
	if err != nil {
		t.Fatal(err)
	}
	equal("customer", c, want.Customer)
	open, err := store.Open(ctx, msisdn)
	if err != nil {
		t.Fatal(err)
	}
	equal("open actions", open, want.Actions[1:])
	if source, err := store.Revision(ctx, "c0ffee"); err != nil || string(source) != "menu: wallet\n" {
		t.Errorf("revision %q, %v", source, err)
	}

	due, err := store.Claim(ctx, sessions.QueueNotices, "w", now, time.Minute, 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("%d notices, %v", len(due), err)
	}
	n := due[0].(*sessions.Notice)
	if got := *n; true {
		got.Due = want.Notice.Due // it is leased
		equal("notice", got, want.Notice)
	}
	if due, err = store.Claim(ctx, sessions.QueueActions, "w", now, time.Minute, 10); err != nil || len(due) != 2 {
		t.Fatalf("%d actions, %v", len(due), err)
	}
	n.State, n.Due, c.Language = sessions.NoticeSubmitted, time.Time{}, "fr"
	sent := open[1]
	sent.State, sent.Due = sessions.Unknown, now.Add(time.Hour)
	s.Steps++
	if s, err = store.Commit(ctx, s, n, &c, &sent); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Load(ctx, s.Key); err != nil || got.Steps != want.Session.Steps+1 {
		t.Errorf("after a step: %+v, %v", got, err)
	}

	ring, err := sessions.NewKeyring(bytes.Repeat([]byte{8}, sessions.KeySize), bytes.Repeat([]byte{7}, sessions.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if pin, err := ring.Open(open[0].Args[1].Sealed, []byte(msisdn)); err != nil || string(pin) != "2580" {
		t.Errorf("a sealed secret of the earlier release does not open: %v", err)
	}
}

// upgradeTime is soon after the earlier release was killed.
func upgradeTime() time.Time { return time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC) }

func TestM7UpgradeReadsWhatTheLastReleaseLeftInTheEmbeddedStore(t *testing.T) {
	e := leftEmbedded(t, "testdata/upgrade/embedded", upgradeTime)
	checkUpgrade(t, e, upgradeTime())
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestM7UpgradeReadsWhatTheLastReleaseLeftInValkey(t *testing.T) {
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{leftInValkey(t, "testdata/upgrade/valkey.golden").Addr}, Now: upgradeTime})
	checkUpgrade(t, v, upgradeTime())
}

// leftEmbedded is a store that was left in a folder, which stays as it is.
func leftEmbedded(t *testing.T, from string, now func() time.Time) *sessions.Embedded {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	e, err := sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// leftInValkey is a server that has what is in a file of commands, their octets in
// hexadecimal, or @ and the file that has them.
func leftInValkey(t *testing.T, name string) *storetest.Server {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		value := &words[2] // SET key VALUE ..., ZADD key score MEMBER
		if words[0] == "ZADD" {
			value = &words[3]
		}
		var octets []byte
		if file, ok := strings.CutPrefix(*value, "@"); ok {
			octets, err = os.ReadFile(file)
		} else {
			octets, err = hex.DecodeString(*value)
		}
		if err != nil {
			t.Fatal(err)
		}
		*value = string(octets)
		if got := server.Command(t, words...); strings.HasPrefix(got, "-") {
			t.Fatal(got)
		}
	}
	return server
}
