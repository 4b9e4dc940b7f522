package core

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

var _ Paced = (*GSMA)(nil)

// Pace is 2 s, growing to 5 min, without a rate: what an inquiry costs the core is
// one or two GETs of a record, and a core that wants to be polled less says so with
// each request state (pollLimit and expiryTime, API v1.2, Request State), which
// Outcome.Again carries. How many inquiries it bears in all is the operator's to
// know: ledger.inquire_rate.
func (*GSMA) Pace(string) Pace { return Pace{After: 2 * time.Second, Max: 5 * time.Minute} }

// await polls a request that the core took (202) until it is decided, ctx ends
// or the core's poll limit is all but used: the last poll is left for later.
func (g *GSMA) await(ctx context.Context, want intent, s wireState, pin Secret) (Outcome, error) {
	id := string(s.ID)
	pause := g.cfg.PollInterval
	for polls := 0; ; polls++ {
		out, err := g.settle(ctx, want, s, pin)
		out.WireKey = id
		if err != nil || out.Status != Pending {
			return out, err
		}
		if limit := s.PollLimit; limit != nil && float64(polls+1) >= *limit {
			out.Again = g.patience(s, pause)
			return out, nil
		}
		out.Again = pause
		for {
			if !wait(ctx, pause) {
				return out, nil
			}
			pause = min(pause*3/2, 5*time.Second)
			next, err := g.state(ctx, want.call, id)
			if err == nil {
				if next.PollLimit == nil {
					next.PollLimit = s.PollLimit
				}
				s = next
				break
			}
			// It is taken, and nothing more is known: that is the outcome.
			polls++
			if limit := s.PollLimit; limit != nil && float64(polls+1) >= *limit {
				out.Again = g.patience(s, pause)
				return out, nil
			}
		}
	}
}

// patience is how long to leave a request alone whose polls are used up: until
// the core itself has promised to give it up.
func (g *GSMA) patience(s wireState, least time.Duration) time.Duration {
	d := 30 * time.Second
	if !s.Expiry.IsZero() {
		d = s.Expiry.Sub(g.cfg.Now())
	}
	return min(max(d, least), 10*time.Minute)
}

// state asks GET /requeststates/{id}.
func (g *GSMA) state(ctx context.Context, op, id string) (wireState, error) {
	seg, err := segment(id)
	if err != nil {
		return wireState{}, failed(op, err)
	}
	return g.stateAt(ctx, op, id, "/requeststates/"+seg)
}

// stateAt reads a request state; id is what it must be about, "" if not known.
func (g *GSMA) stateAt(ctx context.Context, op, id, path string) (wireState, error) {
	a, err := g.exchange(ctx, exchange{op: op, method: http.MethodGet, path: path})
	if err != nil {
		return wireState{}, err
	}
	var s wireState
	if err := g.found(op, a, &s); err != nil {
		return wireState{}, err
	}
	if id != "" && !s.ID.is(id) {
		return wireState{}, failed(op, fmt.Errorf("%w: another serverCorrelationId", ErrMismatch))
	}
	return s, nil
}

// settle says what a request state means for the action.
func (g *GSMA) settle(ctx context.Context, want intent, s wireState, pin Secret) (Outcome, error) {
	switch {
	case s.Status.is("pending"):
		return Outcome{Status: Pending, Detail: Scrub(Clean(string(s.Reason), 200), pin)}, nil
	case s.Status.is("failed"):
		if s.Error == nil {
			return Outcome{}, failed(want.call, errors.New("the core says that it failed, and not why"))
		}
		return g.refusal(want.call, *s.Error, pin)
	case s.Status.is("completed"):
		// Completed, but what? The transaction itself says.
		out, err := g.completed(ctx, want, string(s.Object))
		if err != nil && !errors.Is(err, ErrMismatch) {
			return Outcome{Status: Pending, Detail: "completed, but the transaction could not be read"}, nil
		}
		return out, err
	}
	return Outcome{}, failed(want.call, errors.New("the core named no status that is known"))
}

func (g *GSMA) completed(ctx context.Context, want intent, object string) (Outcome, error) {
	if object != "" {
		return g.transaction(ctx, want, object)
	}
	path, err := g.missing(ctx, want)
	if err != nil {
		return Outcome{}, err
	}
	if !strings.HasPrefix(path, "/transactions/") {
		return Outcome{}, failed(want.call, errors.New("the core links to no transaction"))
	}
	return g.transactionAt(ctx, want, "", path)
}

// transaction asks GET /transactions/{reference}.
func (g *GSMA) transaction(ctx context.Context, want intent, ref string) (Outcome, error) {
	seg, err := segment(ref)
	if err != nil {
		return Outcome{}, failed(want.call, err)
	}
	return g.transactionAt(ctx, want, ref, "/transactions/"+seg)
}

func (g *GSMA) transactionAt(ctx context.Context, want intent, ref, path string) (Outcome, error) {
	a, err := g.exchange(ctx, exchange{op: want.call, method: http.MethodGet, path: path})
	if err != nil {
		return Outcome{}, err
	}
	var t wireTransaction
	if err := g.found(want.call, a, &t); err != nil {
		return Outcome{}, err
	}
	if ref != "" && !t.Reference.is(ref) {
		return Outcome{}, failed(want.call, fmt.Errorf("%w: another reference", ErrMismatch))
	}
	return g.conclude(ctx, want, t)
}

// missing asks GET /responses/{clientCorrelationId} and returns the path that
// its link names.
func (g *GSMA) missing(ctx context.Context, want intent) (string, error) {
	seg, err := segment(want.id)
	if err != nil {
		return "", failed(want.call, err)
	}
	a, err := g.exchange(ctx, exchange{op: want.call, method: http.MethodGet, path: "/responses/" + seg})
	if err != nil {
		return "", err
	}
	var l wireLink
	if err := g.found(want.call, a, &l); err != nil {
		return "", err
	}
	path, err := g.follow(string(l.Link))
	if err != nil {
		return "", failed(want.call, err)
	}
	return path, nil
}

// errNotFound says that the core knows no such object: it answered 404 with an
// error object of its own. A bare 404 may come from anything on the way.
var errNotFound = errors.New("the core knows no such object")

// found reads the answer to a GET that asks what became of an action. An error
// object there is about the asking, never about the action.
func (g *GSMA) found(op string, a Answer, v any) error {
	if a.Status == http.StatusOK {
		if err := Decode(a.Body, v); err != nil {
			return failed(op, err)
		}
		return nil
	}
	var e wireError
	if a.Status == http.StatusNotFound && Decode(a.Body, &e) == nil && e.Category.is("identification") {
		return failed(op, errNotFound)
	}
	return failed(op, fmt.Errorf("the core answered an inquiry with status %d", a.Status))
}

// Inquire asks, in this order and as far as known: the transaction by its
// reference, the request state by the server's id, the response by the action's
// id. It never posts.
func (g *GSMA) Inquire(ctx context.Context, q Inquiry) (Outcome, error) {
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	want, err := g.intent(q.Call, q.ID, q.MSISDN, q.Args)
	if err != nil {
		return Outcome{}, failed(q.Call, err)
	}
	out, err := g.inquire(ctx, want, q)
	if err != nil {
		out.Status = Unknown
		err = Asked(q.Call, err)
	}
	return out, err
}

func (g *GSMA) inquire(ctx context.Context, want intent, q Inquiry) (Outcome, error) {
	known := false // the core once told us an id of its own for this action
	var first error
	try := func(out Outcome, err error) (Outcome, error, bool) {
		if err == nil && out.Status != Unknown || errors.Is(err, ErrMismatch) {
			return out, err, true
		}
		if first == nil && !errors.Is(err, errNotFound) {
			first = err
		}
		return out, err, ctx.Err() != nil
	}
	if q.Ref != "" {
		known = true
		if out, err, end := try(g.transaction(ctx, want, q.Ref)); end {
			return out, err
		}
	}
	if q.WireKey != "" && q.WireKey != q.ID {
		known = true
		out, err := Outcome{}, error(nil)
		s, err := g.state(ctx, want.call, q.WireKey)
		if err == nil {
			out, err = g.decided(ctx, want, s)
		}
		if out, err, end := try(out, err); end {
			return out, err
		}
	}
	path, err := g.missing(ctx, want)
	if err == nil {
		return g.linked(ctx, want, path)
	}
	switch {
	case !errors.Is(err, errNotFound):
		return Outcome{}, err
	case first != nil:
		return Outcome{}, first
	case known:
		return Outcome{}, failed(want.call, errors.New("the core no longer knows what it gave an id to"))
	}
	return Outcome{Status: NotFound}, nil
}

// decided is settle, for one who can ask again later.
func (g *GSMA) decided(ctx context.Context, want intent, s wireState) (Outcome, error) {
	out, err := g.settle(ctx, want, s, Secret{})
	out.WireKey = string(s.ID)
	if out.Status == Pending {
		out.Again = g.cfg.PollInterval
	}
	return out, err
}

// linked follows what /responses named: a transaction or a request state.
func (g *GSMA) linked(ctx context.Context, want intent, path string) (Outcome, error) {
	switch {
	case strings.HasPrefix(path, "/transactions/"):
		return g.transactionAt(ctx, want, "", path)
	case strings.HasPrefix(path, "/requeststates/"):
		s, err := g.stateAt(ctx, want.call, "", path)
		if err != nil {
			return Outcome{}, err
		}
		return g.decided(ctx, want, s)
	}
	return Outcome{}, failed(want.call, errors.New("the core's link leads to neither a transaction nor a request state"))
}
