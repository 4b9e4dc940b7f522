package sessions_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"nyota/sessions"
	"nyota/sessions/storetest"
)

// benchStores runs a benchmark on each store.
func benchStores(b *testing.B, run func(*testing.B, sessions.Store)) {
	b.Run("embedded", func(b *testing.B) {
		e, err := sessions.OpenEmbedded(b.TempDir(), sessions.EmbeddedOptions{})
		if err != nil {
			b.Fatal(err)
		}
		run(b, e)
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("valkey", func(b *testing.B) {
		run(b, openValkey(b, sessions.ValkeyOptions{Addresses: []string{storetest.StartValkey(b)}, Timeout: 30 * time.Second}))
	})
}

// benchSession is as big as a wallet's.
func benchSession(n int64) sessions.Session {
	return sessions.Session{
		Key:  sessions.Key{Network: "demo", MSISDN: fmt.Sprint(255700000000 + n), ID: "17"},
		Menu: "wallet", Revision: "0123456789abcdef", State: make([]byte, 120), Asking: true, Node: "n-1",
		Screen:  "Wallet\n1 Send money\n2 Buy airtime\n3 Pay a bill\n4 Withdraw\n5 Balance\n6 Statement",
		Expires: time.Now().Add(time.Hour),
	}
}

// parallel is how many customers act at once.
const parallel = 64

// BenchmarkCommitStep is a load and a plain step of one dialogue, many at once.
func BenchmarkCommitStep(b *testing.B) {
	benchStores(b, func(b *testing.B, store sessions.Store) {
		var n atomic.Int64
		b.ReportAllocs()
		b.SetParallelism(parallel / 2)
		b.RunParallel(func(pb *testing.PB) {
			s, err := store.Commit(b.Context(), benchSession(n.Add(1)))
			for pb.Next() && err == nil {
				if s, err = store.Load(b.Context(), s.Key); err != nil {
					break
				}
				s.Steps++
				s, err = store.Commit(b.Context(), s)
			}
			if err != nil {
				b.Error(err)
			}
		})
	})
}

// BenchmarkCommitAction is a durable commit of a session with an action, many
// at once.
func BenchmarkCommitAction(b *testing.B) {
	benchStores(b, func(b *testing.B, store sessions.Store) {
		var n atomic.Int64
		b.ReportAllocs()
		b.SetParallelism(parallel / 2)
		b.RunParallel(func(pb *testing.PB) {
			s, err := store.Commit(b.Context(), benchSession(n.Add(1)))
			for pb.Next() && err == nil {
				s, err = store.Commit(b.Context(), s, &sessions.Action{
					ID: fmt.Sprint("a-", n.Add(1)), MSISDN: s.Key.MSISDN, State: sessions.Done, Created: time.Now(),
				})
			}
			if err != nil {
				b.Error(err)
			}
		})
	})
}

// BenchmarkOpenEmbedded is a start on a store of 10,000 sessions whose log must
// be replayed.
func BenchmarkOpenEmbedded(b *testing.B) {
	dir := b.TempDir()
	e, err := sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range int64(10_000) {
		if _, err := e.Commit(b.Context(), benchSession(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
		if e, err = sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
}
