package sessions

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func testKey(fill byte) []byte { return bytes.Repeat([]byte{fill}, KeySize) }

func testRing(t testing.TB, current byte, previous ...byte) *Keyring {
	t.Helper()
	var old [][]byte
	for _, p := range previous {
		old = append(old, testKey(p))
	}
	k, err := NewKeyring(testKey(current), old...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealedSecretOpensOnlyAsItWasSealed(t *testing.T) {
	k := testRing(t, 1)
	sealed, err := k.Seal([]byte("1234"), []byte("action-1"))
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed) != 4+Overhead {
		t.Errorf("sealed to %d octets, want %d", len(sealed), 4+Overhead)
	}
	if bytes.Contains(sealed, []byte("1234")) {
		t.Error("M6: the secret is readable in the sealed octets")
	}
	plain, err := k.Open(sealed, []byte("action-1"))
	if err != nil || string(plain) != "1234" {
		t.Fatalf("Open = %q, %v", plain, err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := k.Open(bad, []byte("action-1")); !errors.Is(err, ErrSealed) {
			t.Errorf("octet %d changed: %v", i, err)
		}
	}
	for n := range len(sealed) {
		if _, err := k.Open(sealed[:n], []byte("action-1")); !errors.Is(err, ErrSealed) {
			t.Errorf("cut to %d octets: %v", n, err)
		}
	}
	if _, err := k.Open(sealed, []byte("action-2")); !errors.Is(err, ErrSealed) {
		t.Errorf("another aad: %v", err)
	}
	again, _ := k.Seal([]byte("1234"), []byte("action-1"))
	if bytes.Equal(sealed, again) {
		t.Error("two seals of one secret are the same")
	}
}

func TestKeyCanBeChangedWhileSealedRecordsLive(t *testing.T) {
	before, after, done := testRing(t, 1), testRing(t, 2, 1), testRing(t, 2)
	old, _ := before.Seal([]byte("old"), nil)
	if p, err := after.Open(old, nil); err != nil || string(p) != "old" {
		t.Fatalf("the previous key does not open: %q, %v", p, err)
	}
	fresh, _ := after.Seal([]byte("new"), nil)
	if p, err := done.Open(fresh, nil); err != nil || string(p) != "new" {
		t.Fatalf("the current key did not seal: %q, %v", p, err)
	}
	if _, err := done.Open(old, nil); !errors.Is(err, ErrSealed) {
		t.Fatalf("a key that was dropped still opens: %v", err)
	}
}

func TestKeyringRefusesBadKeys(t *testing.T) {
	for name, keys := range map[string][][]byte{
		"empty":     {nil},
		"short":     {make([]byte, KeySize-1)},
		"long":      {make([]byte, KeySize+1)},
		"twice":     {testKey(1), testKey(1)},
		"short old": {testKey(1), []byte("x")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewKeyring(keys[0], keys[1:]...); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestTokenCarriesItsPartsAndNothingElseOpens(t *testing.T) {
	k := testRing(t, 1)
	for _, parts := range [][]string{nil, {""}, {"a"}, {"255700000001", "0192-x"}, {"", "", "é/+="}} {
		token, err := k.SealToken(parts...)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("token %q is not URL-safe", token)
		}
		got, err := k.OpenToken(token)
		if err != nil || !slices.Equal(got, parts) {
			t.Errorf("OpenToken = %q, %v, want %q", got, err, parts)
		}
		if _, err := k.OpenToken(token[1:]); !errors.Is(err, ErrSealed) {
			t.Errorf("a cut token: %v", err)
		}
		if _, err := testRing(t, 2).OpenToken(token); !errors.Is(err, ErrSealed) {
			t.Errorf("another key: %v", err)
		}
	}
	for _, bad := range []string{"", "x", "!!!", strings.Repeat("A", 100), strings.Repeat("A", 1<<20)} {
		if _, err := k.OpenToken(bad); !errors.Is(err, ErrSealed) {
			t.Errorf("OpenToken(%.10q...) = %v", bad, err)
		}
	}
	if _, err := k.SealToken(strings.Repeat("x", maxToken)); !errors.Is(err, ErrInvalid) {
		t.Errorf("an oversized token: %v", err)
	}
}

func TestTokenAndSealHaveKeysOfTheirOwn(t *testing.T) {
	k := testRing(t, 1)
	sealed := k.keys[0].sealWith(k.keys[0].token, []byte("x"), nil)
	if _, err := k.Open(sealed, nil); !errors.Is(err, ErrSealed) {
		t.Errorf("a token's octets open as a secret: %v", err)
	}
}

func TestHashKnowsTheSameInputAgain(t *testing.T) {
	k := testRing(t, 1)
	h := k.Hash([]byte("ab"), []byte("c"))
	if h != testRing(t, 1, 9).Hash([]byte("ab"), []byte("c")) {
		t.Error("the same key and data hash differently")
	}
	for name, other := range map[string]uint64{
		"other split": k.Hash([]byte("a"), []byte("bc")),
		"other data":  k.Hash([]byte("ab"), []byte("d")),
		"fewer":       k.Hash([]byte("abc")),
		"other key":   testRing(t, 2).Hash([]byte("ab"), []byte("c")),
	} {
		if other == h {
			t.Errorf("%s: the same hash", name)
		}
	}
	for name, tc := range map[string]struct {
		ring *Keyring
		want bool
	}{
		"the key before it was changed":     {testRing(t, 2, 1), true},
		"the key that will be current":      {testRing(t, 3, 2, 1), true},
		"the current key, which Hash has":   {testRing(t, 1, 2), false},
		"a key that the ring does not have": {testRing(t, 2, 3), false},
	} {
		if got := tc.ring.HashedByOther(h, []byte("ab"), []byte("c")); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
		if tc.ring.HashedByOther(h, []byte("ab"), []byte("d")) {
			t.Errorf("%s: of other data", name)
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if k.Hash([]byte("ab"), []byte("c")) != h {
					t.Error("hash differs under concurrency")
				}
			}
		})
	}
	wg.Wait()
}

func TestM6KeyringIsNeverPrinted(t *testing.T) {
	k := testRing(t, 'K')
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "k", k)
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %x", k, k, k), log.String()} {
		if !strings.Contains(s, "••••") || strings.Contains(s, "4b4b") || strings.Contains(s, "KK") {
			t.Errorf("printed as %s", s)
		}
	}
}

func TestKeyFileIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			k, err := LoadOrCreateKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	wg.Wait()
	for _, k := range keys {
		if len(k) != KeySize || !bytes.Equal(k, keys[0]) {
			t.Fatal("processes that start together got different keys")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	left, _ := os.ReadDir(filepath.Dir(path))
	if len(left) != 1 {
		t.Errorf("files left: %v", left)
	}
}

func TestKeyFileIsRefusedWithAClearError(t *testing.T) {
	good := strings.Repeat("ab", KeySize) + "\n"
	for name, c := range map[string]struct {
		mode os.FileMode
		text string
		want string
	}{
		"readable by the group": {0o640, good, "chmod 600"},
		"readable by all":       {0o604, good, "chmod 600"},
		"empty":                 {0o600, "", "cannot be read"},
		"short":                 {0o600, "abcd\n", "64 hexadecimal digits"},
		"long":                  {0o600, good + good, "64 hexadecimal digits"},
		"no digits":             {0o600, strings.Repeat("zz", KeySize), "64 hexadecimal digits"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := LoadOrCreateKey(path)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := LoadOrCreateKey(filepath.Join(t.TempDir(), "none", "key")); err == nil {
		t.Error("a missing folder is no error")
	}
	if _, err := LoadOrCreateKey(t.TempDir()); err == nil {
		t.Error("a folder is no error")
	}
}
