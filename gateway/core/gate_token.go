package core

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Tokens keeps the access token of an API fresh: it is fetched by one caller for
// all, kept, and fetched again in the background before it ends. It is safe for
// use by many goroutines; Close ends what it runs.
type Tokens struct {
	cfg    TokensConfig
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	token  string
	ends   time.Time // of the token
	renew  time.Time // from then on it is fetched anew, while it still holds
	flight *flight   // under way, or nil
}

// flight is one fetch that any number of callers wait for.
type flight struct {
	done chan struct{}
	err  error
}

// TokensConfig is how tokens are fetched.
type TokensConfig struct {
	// Fetch gets a token and how long it lives. Its error must not hold the
	// credentials.
	Fetch func(ctx context.Context) (token string, life time.Duration, err error)
	// Early is how long before its end a token is fetched anew; default one
	// minute, and never more than half of the token's life.
	Early   time.Duration
	Timeout time.Duration    // of a fetch; default 5 s
	Now     func() time.Time // default time.Now
}

// NewTokens returns an empty cache; it fetches nothing before Get.
func NewTokens(cfg TokensConfig) *Tokens {
	if cfg.Early <= 0 {
		cfg.Early = time.Minute
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	t := &Tokens{cfg: cfg}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// Get returns a token that holds now. It waits for a fetch as long as ctx, and
// only if there is no token; the fetch goes on for others when ctx ends.
func (t *Tokens) Get(ctx context.Context) (string, error) {
	t.mu.Lock()
	now := t.cfg.Now()
	if t.token != "" && now.Before(t.ends) {
		token := t.token
		if !now.Before(t.renew) {
			t.renew = now.Add(time.Second) // if it fails, not at once again
			t.fly()
		}
		t.mu.Unlock()
		return token, nil
	}
	f := t.fly()
	t.mu.Unlock()
	if f == nil {
		return "", errors.New("core: token: closed")
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return "", fmt.Errorf("core: token: %w", ctx.Err())
	}
	if f.err != nil {
		return "", fmt.Errorf("core: token: %w", f.err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.token, nil
}

// Drop forgets a token that the core refused, unless a newer one is there.
func (t *Tokens) Drop(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == token {
		t.token = ""
	}
}

// fly starts a fetch, or joins the one under way. It is called with mu held.
func (t *Tokens) fly() *flight {
	if t.flight != nil || t.closed {
		return t.flight
	}
	f := &flight{done: make(chan struct{})}
	t.flight = f
	t.wg.Go(func() {
		ctx, cancel := context.WithTimeout(t.ctx, t.cfg.Timeout)
		defer cancel()
		token, life, err := t.cfg.Fetch(ctx)
		if err == nil && (token == "" || life <= 0) {
			err = errors.New("the answer has no token that holds")
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if err == nil {
			now := t.cfg.Now()
			t.token, t.ends = token, now.Add(life)
			t.renew = t.ends.Add(-min(t.cfg.Early, life/2))
		}
		t.flight, f.err = nil, err
		close(f.done)
	})
	return f
}

// Close ends a fetch under way and waits for it.
func (t *Tokens) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel()
	t.wg.Wait()
}
