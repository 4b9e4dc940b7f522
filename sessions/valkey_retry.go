package sessions

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/valkey-io/valkey-go"
)

// Pauses between the tries of a call.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 100 * time.Millisecond
)

// sharedConns is how many connections to one server carry plain steps, and a few
// more.
const sharedConns = 8

// retry makes a call until it succeeds, is refused for good, or ctx ends. A server
// that restarts or fails over, and the connections that are dead since, so cost
// time and no customer's try. The call is told whether an earlier try may have
// been written: it then must know its own work and call that success.
//
// Once a call has waited in vain for its whole time, others do not wait for a
// server that refuses connections until one is answered again.
func (v *Valkey) retry(ctx context.Context, call func(again bool) error) error {
	again := false
	pause := firstPause
	var told error // what a server refused last
	for tries := 1; ; tries++ {
		err := call(again)
		if _, refused := refusalOf(err); refused {
			told = err
		}
		if err == nil || answered(err) {
			v.away.Store(false)
		}
		if err == nil {
			return nil
		}
		again = again || errors.Is(err, ErrUncertain)
		kind := judge(err)
		switch {
		case kind == final, kind == unreachable && v.away.Load():
			return hopeless(err, told, again)
		case ctx.Err() != nil:
			v.away.Store(v.away.Load() || kind == unreachable)
			return hopeless(err, told, again)
		case kind == broken && tries <= v.opts.DurableConns+sharedConns:
			continue // each try finds out about one dead connection
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, maxPause)
		case <-ctx.Done():
			v.away.Store(true)
			return hopeless(err, told, again)
		}
	}
}

// hopeless is the error of a call that is given up: uncertain, if any try of it
// may have been written. Of one whose time ended it says what it was told last.
func hopeless(err, told error, again bool) error {
	if told != nil && errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w, after %w", err, told)
	}
	if again && !errors.Is(err, ErrUncertain) && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	return err
}

// verdict is what an error says about trying again.
type verdict uint8

const (
	final       verdict = iota // trying again does not help
	broken                     // the connection broke, or the script is unknown: the next try may be good
	busy                       // the server is starting, or not the primary (any more)
	unreachable                // nobody listens
)

// passing are the server's refusals that pass: it is loading, was a primary until
// now, is about to be one, or slots are moving.
var passing = map[string]bool{
	"LOADING": true, "READONLY": true, "MASTERDOWN": true, "CLUSTERDOWN": true, "TRYAGAIN": true, "MOVED": true,
	"ASK": true, "UNBLOCKED": true, "NOREPLICAS": true,
}

// errMoving says that a script found an index without its records: in a cluster
// they are on their way to the server that has the index already.
var errMoving = errors.New("sessions: valkey: a slot is moving")

func judge(err error) verdict {
	if errors.Is(err, errMoving) {
		return busy
	}
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrNotDurable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return final
	}
	if refusal, ok := refusalOf(err); ok {
		switch {
		case refusal == "NOSCRIPT":
			return broken
		case passing[refusal]:
			return busy
		}
		return final
	}
	if notDialled(err) || errors.Is(err, valkey.ErrNoSlot) {
		return unreachable
	}
	return broken
}

// refusalOf is the code of a server's error: its first word.
func refusalOf(err error) (string, bool) {
	var refusal *valkey.ValkeyError
	if !errors.As(err, &refusal) {
		return "", false
	}
	text := refusal.Error()
	for i := range len(text) {
		if text[i] == ' ' {
			return text[:i], true
		}
	}
	return text, true
}

// answered says whether a server answered, if only to refuse.
func answered(err error) bool {
	_, refused := refusalOf(err)
	return refused || errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound)
}

// notDialled says that no connection came about, so that nothing was sent.
func notDialled(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
