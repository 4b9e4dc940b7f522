package sessions

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// LoadOrCreateKey returns the key in a file: 64 hexadecimal digits on one line.
// If there is no file it is made with a new random key, mode 0600, at once or
// not at all: of two processes that start together both get the same key. The
// folder must exist. A file that others than its owner can touch is refused,
// unless it is root's and lent to our group to read, as Kubernetes mounts a secret.
func LoadOrCreateKey(path string) ([]byte, error) {
	key, err := LoadKey(path)
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	if err := CreateKey(path); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return LoadKey(path)
}

// LoadKey is LoadOrCreateKey for a file that must be there.
func LoadKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("sessions: key file: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("sessions: key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("sessions: key file %s is not a regular file", path)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 && (perm&^0o440 != 0 || !lentByRoot(info)) {
		return nil, fmt.Errorf("sessions: key file %s has mode %#o, so that others can reach the key: chmod 600 it", path, perm)
	}
	text := make([]byte, 2*KeySize+2) // one octet more than the longest good file
	n, err := f.Read(text)
	if err != nil && n == 0 {
		return nil, fmt.Errorf("sessions: key file %s cannot be read: %w", path, err)
	}
	key := make([]byte, KeySize)
	text = bytes.TrimRight(text[:n], "\r\n")
	if len(text) != 2*KeySize {
		return nil, fmt.Errorf("sessions: key file %s must hold %d hexadecimal digits", path, 2*KeySize)
	}
	if _, err := hex.Decode(key, text); err != nil { // its error would show a digit of the key
		return nil, fmt.Errorf("sessions: key file %s must hold %d hexadecimal digits", path, 2*KeySize)
	}
	return key, nil
}

// CreateKey makes a file with a new random key, mode 0600. Its error wraps
// os.ErrExist if the file is there: a key is never overwritten.
func CreateKey(path string) error {
	if err := createKey(path); err != nil {
		return fmt.Errorf("sessions: create the key file: %w", err)
	}
	return nil
}

// createKey writes beside the file and links into place: a link, unlike a
// rename, never replaces the key that another process made first.
func createKey(path string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
