package coresim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// parties reads the account that a path names, in either of the API's forms:
// /accounts/{type}/{identifier} or /accounts/{type}@{identifier}$...
func parties(r *http.Request) ([]pair, *problem) {
	if kind := r.PathValue("type"); kind != "" {
		return []pair{{kind, r.PathValue("identifier")}}, nil
	}
	var out []pair
	for id := range strings.SplitSeq(r.PathValue("account"), "$") {
		key, value, ok := strings.Cut(id, "@")
		if !ok || key == "" || value == "" || len(out) == 3 {
			return nil, refuse(http.StatusBadRequest, "validation", "formatError", "the account's identifiers are malformed", "identifier", "accountId")
		}
		out = append(out, pair{key, value})
	}
	return out, nil
}

func nameOf(full string) nameObject {
	n := nameObject{Full: full}
	if words := strings.Fields(full); len(words) == 3 {
		n.First, n.Middle, n.Last = words[0], words[1], words[2]
	}
	return n
}

func (c *Core) getName(w http.ResponseWriter, r *http.Request) {
	c.work(w, r, func() reply {
		c.mu.Lock()
		defer c.mu.Unlock()
		ids, p := parties(r)
		if p != nil {
			return p.reply()
		}
		t, p := c.bank.find(ids)
		if p != nil {
			return p.reply()
		}
		return reply{status: http.StatusOK, body: map[string]any{"name": nameOf(t.name)}}
	})
}

// own finds the account that a path names, and checks its owner's PIN. It is
// called with mu held.
func (c *Core) own(r *http.Request, given pin) (*account, *problem) {
	ids, p := parties(r)
	if p != nil {
		return nil, p
	}
	t, p := c.bank.find(ids)
	if p != nil {
		return nil, p
	}
	if !t.owner.person {
		return nil, refuse(http.StatusUnauthorized, "authorisation", "requestingPartyAuthorisationError", "this account shows nothing", "reason", "notAllowed")
	}
	return t.account, c.bank.identify(t.owner, given)
}

func (c *Core) getBalance(w http.ResponseWriter, r *http.Request) {
	given := c.credential(r, "X-User-Credential-1")
	c.work(w, r, func() reply {
		c.mu.Lock()
		defer c.mu.Unlock()
		a, p := c.own(r, given)
		if p != nil {
			return p.reply()
		}
		balance := strconv.FormatInt(a.balance, 10)
		return reply{status: http.StatusOK, body: map[string]string{
			"accountStatus": "available", "currentBalance": balance, "availableBalance": balance, "currency": c.cfg.Currency,
		}}
	})
}

func (c *Core) getStatement(w http.ResponseWriter, r *http.Request) {
	given := c.credential(r, "X-User-Credential-1")
	c.work(w, r, func() reply {
		limit, offset := 50, 0
		for name, n := range map[string]*int{"limit": &limit, "offset": &offset} {
			if s := r.URL.Query().Get(name); s != "" {
				v, err := strconv.Atoi(s)
				if err != nil || v < 0 {
					return refuse(http.StatusBadRequest, "validation", "formatError", "limit and offset are whole numbers", "parameter", name).reply()
				}
				*n = v
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		a, p := c.own(r, given)
		if p != nil {
			return p.reply()
		}
		rows := []entryObject{}
		for i, t := range slices.Backward(a.last) {
			if n := len(a.last) - 1 - i; n < offset || len(rows) >= limit {
				continue
			}
			rows = append(rows, entryObject{
				Reference: t.ref, Receipt: t.ref, Credit: t.payee, Debit: t.payer, Status: "completed",
				Amount: strconv.FormatInt(t.amount, 10), Currency: c.cfg.Currency, Note: t.note, Display: t.purpose, Created: stamp(t.at),
			})
		}
		return reply{status: http.StatusOK, body: rows, list: true, rows: len(rows)}
	})
}

func (c *Core) postQuotation(w http.ResponseWriter, r *http.Request) {
	body, p := c.read(r)
	c.work(w, r, func() reply {
		if p != nil {
			return p.reply()
		}
		amount, p := c.money(body.RequestAmount, body.RequestCurrency)
		if p != nil {
			return p.reply()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, who := range [...]struct {
			name string
			ids  []pair
		}{{"debitParty", body.Debit}, {"creditParty", body.Credit}} {
			if _, p := c.bank.find(who.ids); p != nil {
				p.param("party", who.name)
				return p.reply()
			}
		}
		kind := body.Type
		if kind == "" {
			kind = "transfer"
		}
		purpose := order{kind: strings.ToLower(kind), subType: body.SubType}.purpose()
		value := strconv.FormatInt(amount, 10)
		return reply{status: http.StatusCreated, body: quotationObject{
			Reference: uuid.NewString(), Credit: body.Credit, Debit: body.Debit, Type: body.Type, SubType: body.SubType,
			Status: "completed", Amount: value, Currency: c.cfg.Currency, Created: stamp(c.cfg.Now()),
			Quotes: []quoteObject{{
				ID: uuid.NewString(), ReceivingAmount: value, ReceivingCurrency: c.cfg.Currency,
				SendingAmount: value, SendingCurrency: c.cfg.Currency, Fees: c.fees(purpose, c.bank.dir.fee(purpose, amount)),
			}},
		}}
	})
}

// getHeartbeat answers without a worker: a core that is only slow says so.
func (c *Core) getHeartbeat(w http.ResponseWriter, _ *http.Request) {
	f := c.Faults()
	body := map[string]any{"serviceStatus": f.Heartbeat}
	if f.PlannedRestoration != "" {
		body["plannedRestorationTime"] = f.PlannedRestoration
	}
	c.write(w, reply{status: http.StatusOK, body: body})
}

// Effects returns what took effect, in order.
func (c *Core) Effects() []Effect {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Effect, len(c.bank.effects))
	for i, e := range c.bank.effects {
		out[i] = *e
	}
	return out
}

// Posts returns how many requests to move money arrived.
func (c *Core) Posts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.posts
}

// Balances returns what every account has, by id. They add up to zero: the
// account trust has what all others have, below zero.
func (c *Core) Balances() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]int64, len(c.bank.ordered))
	for _, a := range c.bank.ordered {
		out[a.id] = a.balance
	}
	return out
}

func (c *Core) getEffects(w http.ResponseWriter, _ *http.Request) { c.develop(w, c.Effects()) }

// getAccounts shows accounts in the order in which they were opened.
func (c *Core) getAccounts(w http.ResponseWriter, _ *http.Request) {
	type view struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Balance string `json:"balance"`
		Locked  bool   `json:"pin_locked"`
		Blocked bool   `json:"blocked"`
	}
	c.mu.Lock()
	out := make([]view, len(c.bank.ordered))
	for i, a := range c.bank.ordered {
		out[i] = view{a.id, a.name, strconv.FormatInt(a.balance, 10), a.wrong >= c.bank.tries, a.blocked}
	}
	c.mu.Unlock()
	c.develop(w, out)
}

// patchAccount locks an account for its owner, or gives it another PIN: the only
// changes that this core lets customers make.
func (c *Core) patchAccount(w http.ResponseWriter, r *http.Request) {
	given, wanted := c.credential(r, "X-User-Credential-1"), c.credential(r, "X-User-Credential-2")
	var changes []struct{ Op, Path, Value string }
	err := json.NewDecoder(r.Body).Decode(&changes)
	c.work(w, r, func() reply {
		is := func(path, value string) bool {
			return err == nil && len(changes) == 1 && strings.EqualFold(changes[0].Op, "replace") && strings.EqualFold(changes[0].Path, path) &&
				strings.EqualFold(changes[0].Value, value)
		}
		lock, pin := is("/accountStatus", "unavailable"), is("/credentials/pin", "X-User-Credential-2")
		if !lock && !pin {
			return refuse(http.StatusBadRequest, "businessRule", "requestDeclined", "a customer can make the account unavailable or change the PIN, and nothing else").reply()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		ids, p := parties(r)
		if p != nil {
			return p.reply()
		}
		t, p := c.bank.find(ids)
		if p != nil {
			return p.reply()
		}
		if !t.account.person {
			return refuse(http.StatusUnauthorized, "authorisation", "requestingPartyAuthorisationError", "this account has no owner", "reason", "notAllowed").reply()
		}
		if p := c.bank.know(t.account, given); p != nil {
			return p.reply()
		}
		if lock {
			t.account.shut = true
		} else if p := c.bank.changePIN(t.account, wanted); p != nil {
			return p.reply()
		}
		return reply{status: http.StatusNoContent}
	})
}

// unlock forgets the wrong PINs of an account, and that its owner locked it.
func (c *Core) unlock(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	a := c.bank.accounts[r.PathValue("id")]
	if a != nil {
		a.wrong, a.shut = 0, false
	}
	c.mu.Unlock()
	if a == nil {
		http.Error(w, "no such account", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
