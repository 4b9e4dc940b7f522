package sessions

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"sync"
)

// ErrSealed says that sealed octets or a token do not open: made with an unknown
// key, for another use, or changed. It never says which.
var ErrSealed = errors.New("sessions: the sealed octets do not open")

// KeySize is the length of a key in octets.
const KeySize = 32

// Sealed octets are: sealV1, the key's id (4), a random nonce (12), the
// ciphertext with its tag (16 more).
const (
	sealV1    = 1
	keyIDSize = 4
	sealHead  = 1 + keyIDSize

	// Overhead is how many octets Seal adds.
	Overhead = sealHead + 12 + 16
)

// Keyring seals secrets with AES-256-GCM, signs tokens, and hashes what must be
// compared but not kept. Each use has a key of its own, derived by HKDF-SHA256
// (RFC 5869). The current key seals; the previous ones still open, so that a
// key can be changed while sealed records live. A random nonce allows about
// 2^32 seals under one key: change it yearly, or sooner above a hundred
// secrets a second. It is safe for use by many goroutines.
type Keyring struct {
	keys []*ringKey // the current one first
}

type ringKey struct {
	id     [keyIDSize]byte
	seal   cipher.AEAD
	token  cipher.AEAD
	hashes sync.Pool // of *hasher, keyed for Hash
}

// NewKeyring returns a keyring of one current key and any previous ones, each
// of KeySize octets.
func NewKeyring(current []byte, previous ...[]byte) (*Keyring, error) {
	k := &Keyring{}
	for _, secret := range append([][]byte{current}, previous...) {
		rk, err := newRingKey(secret)
		if err != nil {
			return nil, err
		}
		for i := range k.keys {
			if k.keys[i].id == rk.id {
				return nil, errors.New("sessions: the same key is given twice")
			}
		}
		k.keys = append(k.keys, rk)
	}
	return k, nil
}

func newRingKey(secret []byte) (*ringKey, error) {
	rk := &ringKey{}
	if len(secret) != KeySize {
		return rk, fmt.Errorf("sessions: a key has %d octets, it must have %d", len(secret), KeySize)
	}
	id, err := derive(secret, "id", keyIDSize)
	if err != nil {
		return rk, err
	}
	copy(rk.id[:], id)
	if rk.seal, err = aead(secret, "seal"); err != nil {
		return rk, err
	}
	hashKey, err := derive(secret, "hash", KeySize)
	if err != nil {
		return rk, err
	}
	rk.hashes.New = func() any { return &hasher{Hash: hmac.New(sha256.New, hashKey)} }
	rk.token, err = aead(secret, "token")
	return rk, err
}

func derive(secret []byte, use string, n int) ([]byte, error) {
	b, err := hkdf.Key(sha256.New, secret, nil, "nyota sessions "+use, n)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return b, nil
}

func aead(secret []byte, use string) (cipher.AEAD, error) {
	key, err := derive(secret, use, KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return a, nil
}

// Seal encrypts plain under the current key. The same aad (what the secret
// belongs to: a session's key, an action's id) must be given to Open.
func (k *Keyring) Seal(plain, aad []byte) ([]byte, error) {
	rk := k.keys[0]
	return rk.sealWith(rk.seal, plain, aad), nil
}

// Open decrypts what Seal returned, under any key of the ring, or returns
// ErrSealed.
func (k *Keyring) Open(sealed, aad []byte) ([]byte, error) {
	return k.open(sealed, aad, func(rk *ringKey) cipher.AEAD { return rk.seal })
}

func (rk *ringKey) sealWith(a cipher.AEAD, plain, aad []byte) []byte {
	dst := make([]byte, 0, len(plain)+Overhead)
	dst = append(append(dst, sealV1), rk.id[:]...)
	return a.Seal(dst, nil, plain, aad)
}

func (k *Keyring) open(sealed, aad []byte, use func(*ringKey) cipher.AEAD) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != sealV1 {
		return nil, ErrSealed
	}
	for i := range k.keys {
		rk := k.keys[i]
		if [keyIDSize]byte(sealed[1:sealHead]) != rk.id {
			continue
		}
		plain, err := use(rk).Open(nil, nil, sealed[sealHead:], aad)
		if err != nil {
			return nil, ErrSealed
		}
		return plain, nil
	}
	return nil, ErrSealed
}

// Hash returns a keyed hash (HMAC-SHA256, its first 8 octets) of the data: to
// know the same input again without keeping it. ("ab", "c") and ("a", "bc") are
// different data. The current key hashes: see HashedByOther for what was hashed
// before it was changed.
func (k *Keyring) Hash(data ...[]byte) uint64 { return k.keys[0].hash(data) }

// HashedByOther says whether sum is the Hash of the data under another key of the
// ring than the current one: while a key is being changed, some processes hash
// with one and some with the other.
func (k *Keyring) HashedByOther(sum uint64, data ...[]byte) bool {
	for _, rk := range k.keys[1:] {
		if rk.hash(data) == sum {
			return true
		}
	}
	return false
}

func (rk *ringKey) hash(data [][]byte) uint64 {
	h := rk.hashes.Get().(*hasher)
	h.Reset()
	all := h.all[:0]
	for _, d := range data { // together: each write costs as much as some octets
		all = append(binary.BigEndian.AppendUint64(all, uint64(len(d))), d...)
	}
	_, _ = h.Write(all)
	clear(all) // it may be a secret
	if cap(all) <= maxHashRoom {
		h.all = all[:0]
	}
	v := binary.BigEndian.Uint64(h.Sum(h.sum[:0]))
	rk.hashes.Put(h)
	return v
}

// hasher is an HMAC with the memory that it would otherwise take at each use.
type hasher struct {
	hash.Hash
	all []byte // what is hashed
	sum [sha256.Size]byte
}

// maxHashRoom is how much memory a hasher keeps, in octets.
const maxHashRoom = 4 << 10

// maxToken bounds what OpenToken looks at, in characters.
const maxToken = 8 << 10

// SealToken returns a URL-safe text that carries the parts, encrypted: nobody
// without the key can read or make one. The same parts give another token each
// time.
func (k *Keyring) SealToken(parts ...string) (string, error) {
	var plain []byte
	for _, p := range parts {
		plain = appendString(plain, p)
	}
	rk := k.keys[0]
	sealed := rk.sealWith(rk.token, plain, nil)
	if base64.RawURLEncoding.EncodedLen(len(sealed)) > maxToken {
		return "", fmt.Errorf("%w: a token of %d octets", ErrInvalid, len(plain))
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// OpenToken returns the parts of a token, or ErrSealed.
func (k *Keyring) OpenToken(token string) ([]string, error) {
	if len(token) > maxToken {
		return nil, ErrSealed
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return nil, ErrSealed
	}
	plain, err := k.open(sealed, nil, func(rk *ringKey) cipher.AEAD { return rk.token })
	if err != nil {
		return nil, err
	}
	r := reader{s: string(plain)}
	var parts []string
	for r.s != "" {
		parts = append(parts, r.string())
	}
	if r.err != nil {
		return nil, ErrSealed
	}
	return parts, nil
}

const maskedKeys = "Keyring(••••)"

// String returns dots.
func (*Keyring) String() string { return maskedKeys }

// Format writes dots, whatever the verb (M6).
func (*Keyring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, maskedKeys) }

// LogValue returns dots.
func (*Keyring) LogValue() slog.Value { return slog.StringValue(maskedKeys) }

// MarshalText returns dots.
func (*Keyring) MarshalText() ([]byte, error) { return []byte(maskedKeys), nil }
