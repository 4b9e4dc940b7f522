package iso8583

import (
	"context"
	"errors"
	"fmt"

	"nyota/gateway/core"
)

var _ core.Reverser = (*Connector)(nil)

// Reverses says whether a confirmed call can be taken back: all that move money.
func (c *Connector) Reverses(call string) bool {
	return call != core.Reversal && core.Moves(call) && c.Serves(call)
}

// takeBack sends the reversal advice (0420, repeated as 0421) of an action that
// the switch confirmed. An advice may be sent again: the switch undoes it once.
func (c *Connector) takeBack(ctx context.Context, id, msisdn, wire string, args core.Args) (core.Outcome, error) {
	in, err := c.takenBack(id, msisdn, wire, args)
	if err != nil {
		return core.Outcome{}, core.Unsent(core.Reversal, err)
	}
	code, err := c.advise(ctx, in)
	switch {
	case err != nil:
		return core.Outcome{}, err
	case code == approved:
		return core.Outcome{Status: core.Done, Ref: in.rrn}, nil
	case code == noOriginal:
		return core.Outcome{Status: core.Rejected, Reason: core.Other, Detail: "the switch does not know the request that is to be reversed"}, nil
	}
	return core.Outcome{}, core.Failed(core.Reversal, fmt.Errorf("the core answered a reversal with %q", core.Clean(code, 2)))
}

// takenBack is what the action that is taken back asked for.
func (c *Connector) takenBack(id, msisdn, wire string, args core.Args) (intent, error) {
	key := args.Get(core.ReversedKey)
	if key == "" || wire != reversalKey(key) {
		return intent{}, errors.New("its wire key was not prepared")
	}
	in, err := c.intent(args.Get(core.ReversedCall), args.Get(core.ReversedID), key, msisdn, args)
	if err == nil && id == in.id {
		err = errors.New("an action does not reverse itself")
	}
	return in, err
}

// reversalKey is the wire key of a reversal: it travels under the ids of what it
// takes back.
func reversalKey(original string) string { return "reversal " + original }
