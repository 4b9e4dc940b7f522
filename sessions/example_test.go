package sessions_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"nyota/sessions"
)

func tempDir() string {
	dir, err := os.MkdirTemp("", "nyota")
	if err != nil {
		log.Fatal(err)
	}
	return dir
}

// A dialogue takes a step; the next one ends in an action, which is durable
// before anything is sent for it.
func ExampleOpenEmbedded() {
	ctx := context.Background()
	dir := tempDir()
	defer os.RemoveAll(dir)
	store, err := sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	s := sessions.Session{
		Key:     sessions.Key{Network: "demo", MSISDN: "255700000001", ID: "17"},
		Screen:  "Enter PIN",
		Asking:  true,
		Expires: time.Now().Add(3 * time.Minute),
	}
	if s, err = store.Commit(ctx, s); err != nil {
		log.Fatal(err)
	}
	stale := s
	pay := &sessions.Action{ID: "0192f0c1-7f00-7000-8000-000000000001", MSISDN: s.Key.MSISDN, State: sessions.Accepted, Call: "transfer"}
	s.Action = pay.ID
	if s, err = store.Commit(ctx, s, pay); err != nil {
		log.Fatal(err)
	}
	fmt.Println("session", s.Version, "action", pay.Version)

	_, err = store.Commit(ctx, stale)
	fmt.Println(err)
	open, err := store.Open(ctx, s.Key.MSISDN)
	fmt.Println(len(open), err)
	// Output:
	// session 2 action 1
	// sessions: the record was changed by another writer
	// 1 <nil>
}

// A worker takes what is due, and moves Due when it has done its part.
func ExampleEmbedded_Claim() {
	ctx := context.Background()
	dir := tempDir()
	defer os.RemoveAll(dir)
	store, err := sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	now := time.Now()
	sms := &sessions.Notice{ID: "a/customer/done", Owner: "255700000001", State: sessions.NoticePending, Due: now}
	if err := store.Put(ctx, sms); err != nil {
		log.Fatal(err)
	}

	due, err := store.Claim(ctx, sessions.QueueNotices, "worker", now, time.Minute, 10)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range due {
		n := r.(*sessions.Notice)
		n.State, n.Due = sessions.NoticeSubmitted, time.Time{}
		fmt.Println(n.ID, store.Put(ctx, n))
	}
	// Output: a/customer/done <nil>
}

func ExampleKeyring() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	key, err := sessions.LoadOrCreateKey(filepath.Join(dir, "key"))
	if err != nil {
		log.Fatal(err)
	}
	ring, err := sessions.NewKeyring(key)
	if err != nil {
		log.Fatal(err)
	}
	sealed, _ := ring.Seal([]byte("1234"), []byte("action-1"))
	pin, err := ring.Open(sealed, []byte("action-1"))
	fmt.Println(len(pin), err)
	_, err = ring.Open(sealed, []byte("action-2"))
	fmt.Println(err)
	fmt.Println(ring)
	// Output:
	// 4 <nil>
	// sessions: the sealed octets do not open
	// Keyring(••••)
}

// The callback URL carries a token that only this installation can make.
func ExampleKeyring_SealToken() {
	ring, err := sessions.NewKeyring(make([]byte, sessions.KeySize))
	if err != nil {
		log.Fatal(err)
	}
	token, _ := ring.SealToken("255700000001", "action-1")
	parts, err := ring.OpenToken(token)
	fmt.Println(parts, err)
	// Output: [255700000001 action-1] <nil>
}

// Several gateways share a Valkey. The server must have appendonly yes,
// appendfsync always and maxmemory-policy noeviction.
func ExampleOpenValkey() {
	ctx := context.Background()
	store, err := sessions.OpenValkey(ctx, sessions.ValkeyOptions{
		Addresses: []string{"127.0.0.1:6379"},
		Replicas:  1, // each action is in one replica's append-only file too
		Timeout:   2 * time.Second,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	s, err := store.Load(ctx, sessions.Key{Network: "demo", MSISDN: "255700000001", ID: "17"})
	switch {
	case errors.Is(err, sessions.ErrNotFound):
		fmt.Println("a new dialogue")
	case err != nil:
		log.Fatal(err)
	}
	s.Steps++
	_, err = store.Commit(ctx, s)
	switch {
	case errors.Is(err, sessions.ErrConflict):
		fmt.Println("another node was faster")
	case errors.Is(err, sessions.ErrUncertain):
		fmt.Println("load it again before going on")
	}
}

// All gateways on one store hold a few facts in common.
func ExampleChange() {
	dir, err := os.MkdirTemp("", "nyota")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	store, err := sessions.OpenEmbedded(dir, sessions.EmbeddedOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	for _, revision := range []string{"c0ffee", "decade"} {
		f, err := sessions.Change(context.Background(), store, "current", func(old []byte) ([]byte, error) {
			fmt.Printf("it was %q\n", old)
			return []byte(revision), nil
		})
		fmt.Println(f.Version, err)
	}
	// Output:
	// it was ""
	// 1 <nil>
	// it was "c0ffee"
	// 2 <nil>
}
