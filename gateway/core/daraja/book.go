package daraja

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"nyota/gateway/core"
)

// book remembers the requests under way, the one-time URLs that were given out
// for them, and results that nobody has fetched yet. All of it is bounded and
// ends with the horizon.
type book struct {
	most    int
	horizon time.Duration
	now     func() time.Time

	mu      sync.Mutex
	actions map[string]*action // by the action's id
	urls    map[string]*oneTime
	order   []expiry // oldest first
}

type expiry struct {
	at     time.Time
	action string
	url    string
}

// action is a request under way. Its fields are guarded by the book's mu.
type action struct {
	want     intent
	callback string // to be nudged
	posted   bool   // by this process
	minted   string // the server's id of a push or a reversal
	out      core.Outcome
	err      error         // a result that contradicts the action: for a person
	final    bool          // out is Done, Rejected or NotFound
	waiting  int           // callers who wait for a result
	changed  chan struct{} // closed when something came
}

// oneTime is a URL that one result may be sent to.
type oneTime struct {
	action *action
	query  bool
	used   bool
}

func newBook(most int, horizon time.Duration, now func() time.Time) *book {
	return &book{most: most, horizon: horizon, now: now, actions: map[string]*action{}, urls: map[string]*oneTime{}}
}

var errFull = errors.New("too many requests without a result")

// open returns the action's entry, made if need be.
func (b *book) open(want intent) (*action, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep()
	if a := b.actions[want.id]; a != nil {
		return a, nil
	}
	if len(b.actions) >= b.most {
		return nil, errFull
	}
	a := &action{want: want, changed: make(chan struct{})}
	b.actions[want.id] = a
	b.order = append(b.order, expiry{at: b.now().Add(b.horizon), action: want.id})
	return a, nil
}

// post marks an action as posted, and says whether this is the first time.
func (b *book) post(a *action, callback string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := !a.posted
	a.posted = true
	if first {
		a.callback = callback
	}
	return first
}

// unpost takes back what did not leave.
func (b *book) unpost(a *action) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a.posted = false
}

// mint returns a URL part that one result for the action may be sent to.
func (b *book) mint(a *action, query bool) (string, error) {
	token := rand.Text()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.urls) >= 4*b.most {
		return "", errFull
	}
	b.urls[token] = &oneTime{action: a, query: query}
	b.order = append(b.order, expiry{at: b.now().Add(b.horizon), url: token})
	return token, nil
}

// sweep forgets what is older than the horizon. It is called with mu held.
func (b *book) sweep() {
	now := b.now()
	n := 0
	for n < len(b.order) && now.After(b.order[n].at) {
		if e := b.order[n]; e.url != "" {
			delete(b.urls, e.url)
		} else {
			delete(b.actions, e.action)
		}
		n++
	}
	if n > 0 {
		b.order = append([]expiry(nil), b.order[n:]...)
	}
}

// find returns what a URL was made for, with the server's id as far as it is known.
func (b *book) find(token string) (u *oneTime, want intent, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep()
	u, ok = b.urls[token]
	if ok {
		want = u.action.want
		want.server = u.action.minted
	}
	return u, want, ok
}

// mintedBy keeps the server's id of a push or a reversal.
func (b *book) mintedBy(a *action, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.minted == "" {
		a.minted = id
	}
}

// settle uses up a URL and keeps what came there. The first final outcome stays.
// It returns whom to nudge, "" if somebody waits or nothing new was learnt.
func (b *book) settle(u *oneTime, out core.Outcome, err error) (nudge string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if u.used {
		return ""
	}
	u.used = true
	a := u.action
	if a.final {
		return ""
	}
	if out.WireKey != "" && a.minted == "" {
		a.minted = out.WireKey
	}
	if err != nil {
		a.err = err
	} else {
		a.out = out
		a.final = out.Status == core.Done || out.Status == core.Rejected
	}
	close(a.changed)
	a.changed = make(chan struct{})
	if a.waiting == 0 && (!u.query || a.final) {
		return a.callback // of a query too: whoever asked has left, and may not ask again for long
	}
	return ""
}

// known is what is settled of an action.
func (b *book) known(a *action) (core.Outcome, error, bool) { //nolint:revive // the error is a part of what is known
	b.mu.Lock()
	defer b.mu.Unlock()
	out := a.out
	if out.WireKey == "" {
		out.WireKey = a.minted
	}
	if a.err != nil {
		out.Status = core.Unknown
	}
	return out, a.err, a.final || a.err != nil
}

// settled says whether an action has a result.
func (b *book) settled(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.actions[id]
	return a != nil && (a.final || a.err != nil)
}

// wait waits for a result as long as ctx. came says whether anything came on
// the way, final or not.
func (b *book) wait(ctx context.Context, a *action, until func() bool) {
	b.mu.Lock()
	a.waiting++
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		a.waiting--
		b.mu.Unlock()
	}()
	for {
		b.mu.Lock()
		changed := a.changed
		settled := a.final || a.err != nil || until != nil && until()
		b.mu.Unlock()
		if settled {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
