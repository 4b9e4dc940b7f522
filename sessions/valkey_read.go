package sessions

import (
	"context"
	_ "embed" // the script
	"slices"
)

//go:embed lua/open.lua
var openLua string

var openScript = newScript(openLua)

// Action is as Store's.
func (v *Valkey) Action(ctx context.Context, msisdn, id string) (Action, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return Action{}, err
	}
	if err := checkPart("the action's id", id, 0); err != nil {
		return Action{}, err
	}
	var a Action
	row, err := v.get(ctx, v.recordKey(kindAction, msisdn, id))
	if err == nil {
		err = a.decode(row)
	}
	return a, err
}

// Customer is as Store's.
func (v *Valkey) Customer(ctx context.Context, msisdn string) (Customer, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return Customer{}, err
	}
	var c Customer
	row, ahead := v.warm.takeAhead(msisdn)
	var err error
	switch {
	case ahead && row == "":
		err = ErrNotFound
	case !ahead:
		row, err = v.get(ctx, v.recordKey(kindCustomer, msisdn, ""))
	}
	if err == nil {
		err = c.decode(row)
	}
	return c, err
}

// Open is as Store's.
func (v *Valkey) Open(ctx context.Context, msisdn string) ([]Action, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return nil, err
	}
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	base := v.slotKey(slotOf(msisdn)) + string(kindAction) + ":"
	var rows []string
	err = v.retry(ctx, func(bool) error {
		var err error
		rows, err = v.run(ctx, openScript, []string{v.openKey(msisdn)}, []string{base}).AsStrSlice()
		if err == nil && slices.Contains(rows, "") {
			return errMoving
		}
		return readErr(err)
	})
	if err != nil {
		return nil, err
	}
	var open []Action
	for _, row := range rows {
		var a Action
		if err := a.decode(row); err != nil {
			return nil, err
		}
		open = append(open, a)
	}
	sortOldest(open)
	return open, nil
}
