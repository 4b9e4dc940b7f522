package dialog

import (
	"context"

	"nyota/gateway/core"
	"nyota/gateway/ledger"
	"nyota/menus"
	"nyota/sessions"
)

// reversalNotices are owed by a reversal that took money back: to the customer
// who has it again, and to a payee who has it no longer. One that moved nothing
// owes none: no customer asked for it, and what was told of the first one holds.
func reversalNotices(ctx context.Context, store sessions.Store, program *menus.Program, a sessions.Action) []*sessions.Notice {
	if a.State != sessions.Done {
		return nil
	}
	first := a // the recipients are those of the action that is taken back
	arg := map[string]string{}
	for _, x := range a.Args {
		arg[x.Name] = x.Value
	}
	first.Call, first.Results = arg[core.ReversedCall], nil
	if b, err := store.Action(ctx, a.MSISDN, a.Reverses); err == nil {
		first.Results = b.Results
	}
	to := map[menus.Role]string{menus.RoleCustomer: a.MSISDN, menus.RolePayee: recipient(first, menus.RolePayee), menus.RoleAgent: recipient(first, menus.RoleAgent)}
	var all []*sessions.Notice
	for _, role := range []menus.Role{menus.RoleCustomer, menus.RolePayee, menus.RoleAgent} {
		number, lang := to[role], a.Language
		if number == "" || role != menus.RoleCustomer && number == a.MSISDN {
			continue
		}
		if role != menus.RoleCustomer {
			lang = ""
			if c, err := store.Customer(ctx, number); err == nil {
				lang = c.Language
			}
		}
		all = append(all, &sessions.Notice{
			ID: a.ID + "/" + string(role) + "/" + outcomeWord(a.State), Action: a.ID, Owner: a.MSISDN, To: number, Role: string(role),
			Text:  program.Moved(lang, ledger.Reference(a), core.Reversal, arg["amount"], arg[core.ReversedRef]),
			State: sessions.NoticePending, Created: a.EndedAt,
		})
	}
	return all
}
