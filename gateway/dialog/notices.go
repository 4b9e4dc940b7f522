package dialog

import (
	"context"
	"log/slog"

	"nyota/gateway/core"
	"nyota/gateway/ledger"
	"nyota/menus"
	"nyota/sessions"
)

// Notices renders the SMS owed for an action's final outcome: to the customer
// always, to the payee and the agent when money moved (M5). The texts are those
// of the revision on which the action was confirmed.
func Notices(ctx context.Context, m *Menus, store sessions.Store, log *slog.Logger, a sessions.Action) []*sessions.Notice {
	catalog, err := m.Revision(ctx, a.Revision)
	if err != nil {
		log.Error("an action's own menus are lost: its notices use the present ones", "action", a.ID, "err", err)
		catalog = m.Current()
	}
	program, ok := catalog.Program(a.Menu)
	if !ok {
		log.Error("no menu has the texts of an action's notices", "action", a.ID, "menu", a.Menu)
		return nil
	}
	if a.Call == core.Reversal {
		return reversalNotices(ctx, store, program, a)
	}
	result := actionResult(a)
	vars := append(values(a.Vars), menus.Value{Name: "customer", Text: a.MSISDN})
	var all []*sessions.Notice
	add := func(role menus.Role, to, lang string) {
		text, ok := program.Notice(a.Screen, role, lang, result.Outcome, vars, result)
		if !ok || to == "" {
			return
		}
		all = append(all, &sessions.Notice{
			ID: noticeID(a, role), Action: a.ID, Owner: a.MSISDN,
			To: to, Role: string(role), Text: text, State: sessions.NoticePending, Created: a.EndedAt,
		})
	}
	add(menus.RoleCustomer, a.MSISDN, a.Language)
	if a.State != sessions.Done {
		return all
	}
	result.Ref = ledger.Reference(a) // the others were told none before
	for _, role := range []menus.Role{menus.RolePayee, menus.RoleAgent} {
		to := recipient(a, role)
		if to == "" || to == a.MSISDN {
			continue
		}
		lang := "" // the menu's first
		if c, err := store.Customer(ctx, to); err == nil {
			lang = c.Language
		}
		add(role, to, lang)
	}
	return all
}

// recipient is where a role's notice goes: the number that the core named, for a
// payee else the number that was paid.
func recipient(a sessions.Action, role menus.Role) string {
	for _, f := range a.Results {
		if f.Name == string(role)+"_msisdn" {
			return f.Value
		}
	}
	if role == menus.RolePayee && (a.Call == core.Transfer || a.Call == core.Airtime || a.Call == core.Deposit) {
		for _, arg := range a.Args {
			if arg.Name == "to" {
				return arg.Value
			}
		}
	}
	return ""
}

// noticeID is of the one notice that an action owes to a role for its end.
func noticeID(a sessions.Action, role menus.Role) string {
	return a.ID + "/" + string(role) + "/" + outcomeWord(a.State)
}

func outcomeWord(s sessions.ActionState) string {
	switch s {
	case sessions.Done:
		return "done"
	case sessions.Rejected:
		return "rejected"
	default:
		return "expired"
	}
}
