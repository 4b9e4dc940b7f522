package sessions_test

import (
	"fmt"
	"testing"
	"time"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

// poll claims from each queue, which must give so many records in all.
func poll(t *testing.T, v *sessions.Valkey, want int) {
	t.Helper()
	got := 0
	for _, queue := range []string{sessions.QueueActions, sessions.QueueNotices, sessions.QueueWishes} {
		rs, err := v.Claim(t.Context(), queue, "w", time.Now(), time.Hour, 100)
		if err != nil {
			t.Fatal(err)
		}
		got += len(rs)
	}
	if got != want {
		t.Errorf("%d records are due, want %d", got, want)
	}
}

func TestValkeyLookingForDueWorkIsOneCommand(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}})
	look := func(what string, want map[string]int) {
		t.Helper()
		server.Command(t, "CONFIG", "RESETSTAT")
		poll(t, v, 0)
		if b, err := v.Backlog(t.Context(), sessions.QueueActions); err != nil || b.Records != want["records"] {
			t.Errorf("%s: %d records wait, %v", what, b.Records, err)
		}
		got := calls(t, server, "evalsha", "eval", "zcount", "zcard")
		for command, n := range map[string]int{"evalsha": 3 + 1, "eval": 0, "zcount": want["zcount"], "zcard": want["records"]} {
			if got[command] != n {
				t.Errorf("%s: %d %s, want %d", what, got[command], command, n)
			}
		}
	}
	poll(t, v, 0) // so that the scripts are known
	if _, err := v.Backlog(t.Context(), sessions.QueueActions); err != nil {
		t.Fatal(err)
	}
	look("nothing waits", map[string]int{})
	later := testAction("255700000001", "a-1")
	later.Due = time.Now().Add(time.Hour)
	if err := v.Put(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	// zcount is what the script does where something waits.
	look("something waits, and is not due", map[string]int{"records": 1, "zcount": 256})
}

func TestValkeyClusterLookingForDueWorkIsACommandForEachPrimary(t *testing.T) {
	c := storetest.StartCluster(t, 5*time.Second, false)
	v := openValkey(t, sessions.ValkeyOptions{Addresses: c.Addrs()})
	poll(t, v, 0)
	for _, p := range c.Primaries {
		p.Command(t, "CONFIG", "RESETSTAT")
	}
	poll(t, v, 0)
	for i, p := range c.Primaries {
		got := calls(t, p, "evalsha", "eval", "zcount", "cluster|nodes")
		if got["evalsha"] != 3 || got["eval"] != 0 || got["cluster|nodes"] != 0 {
			t.Errorf("primary %d: %v for three queues", i, got)
		}
	}
	takesTurns(t, v)
}

func TestM5ValkeyClaimsTakeTheCustomersInTurn(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	takesTurns(t, openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}}))
}

// takesTurns demands that customers who have much due, each in a slot of their own,
// keep nobody from theirs.
func takesTurns(t *testing.T, v *sessions.Valkey) {
	t.Helper()
	const customers, each = 20, 5
	for i := range customers {
		for n := range each {
			if err := v.Put(t.Context(), testAction(fmt.Sprint(255700000001+i), fmt.Sprint("a-", n))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for round := range each {
		served := map[string]bool{}
		for range customers {
			rs, err := v.Claim(t.Context(), sessions.QueueActions, "w", time.Now(), time.Hour, 1)
			if err != nil || len(rs) != 1 {
				t.Fatalf("%d records, %v", len(rs), err)
			}
			served[rs[0].(*sessions.Action).MSISDN] = true
		}
		if len(served) != customers {
			t.Errorf("round %d: %d of %d customers had their turn", round, len(served), customers)
		}
	}
	poll(t, v, 0)
}

// Rights that an earlier version did not need may be missing while gateways are
// replaced one after the other.
func TestValkeyDueWorkIsFoundWithTheRightsOfEarlierVersions(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	server.Command(t, "ACL", "SETUSER", "nyota", "on", ">watchword", "~*", "+@all", "-exists")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}, Username: "nyota", Password: "watchword"})
	poll(t, v, 0)
	if err := v.Put(t.Context(), testAction("255700000001", "a-1")); err != nil {
		t.Fatal(err)
	}
	poll(t, v, 1)
	if b, err := v.Backlog(t.Context(), sessions.QueueActions); err != nil || b.Records != 1 {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestValkeyDueRecordThatIsGoneLeavesItsQueueAndHoldsNobodyUp(t *testing.T) {
	server := storetest.NewServer(t, "--appendonly", "yes", "--appendfsync", "always")
	v := openValkey(t, sessions.ValkeyOptions{Addresses: []string{server.Addr}})
	for _, id := range []string{"a-1", "a-2", "a-3"} {
		if err := v.Put(t.Context(), testAction("255700000001", id)); err != nil {
			t.Fatal(err)
		}
	}
	server.Command(t, "DEL", "{s059}:a:255700000001:a-1", "{s059}:a:255700000001:a-2")
	poll(t, v, 1)
	if got := server.Command(t, "ZRANGE", "{s059}:q:actions", "0", "-1"); got != "*1\r\n$16\r\n255700000001:a-3\r\n" {
		t.Errorf("in the queue: %q", got)
	}
}
