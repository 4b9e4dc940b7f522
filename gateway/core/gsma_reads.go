package core

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// read judges the answer to a read: a refusal is Rejected, as of an action.
func (g *GSMA) read(r Request, a Answer, ok int, v any) (Outcome, error) {
	if a.Status == ok {
		if err := Decode(a.Body, v); err != nil {
			return Outcome{}, failed(r.Call, err)
		}
		return Outcome{Status: Done}, nil
	}
	if a.Status >= 400 && a.Status < 500 && a.Status != http.StatusRequestTimeout {
		var e wireError
		if err := Decode(a.Body, &e); err != nil {
			return Outcome{}, failed(r.Call, fmt.Errorf("status %d: %w", a.Status, err))
		}
		return g.refusal(r.Call, e, r.PIN)
	}
	return Outcome{}, failed(r.Call, fmt.Errorf("the core answered with status %d", a.Status))
}

// account is the path of an account by one to three identifiers.
func account(parties []party, tail string) (string, error) {
	if len(parties) == 1 {
		value, err := segment(parties[0].Value)
		if err != nil {
			return "", err
		}
		return "/accounts/" + url.PathEscape(parties[0].Key) + "/" + value + tail, nil
	}
	var ids []string
	for _, p := range parties {
		if strings.ContainsAny(p.Value, "$@") {
			return "", errors.New("an identifier has a character that the API keeps for itself")
		}
		ids = append(ids, p.Key+"@"+p.Value)
	}
	seg, err := segment(strings.Join(ids, "$"))
	return "/accounts/" + seg + tail, err
}

// accountName asks who is behind a number, till, agent, biller, or behind a
// reference at a biller. Field: name.
func (g *GSMA) accountName(ctx context.Context, r Request) (Outcome, error) {
	var call string
	switch {
	case r.Args.Get("to") != "":
		call = Transfer
	case r.Args.Get("till") != "":
		call = MerchantPay
	case r.Args.Get("agent") != "":
		call = Withdrawal
	case r.Args.Get("biller") != "":
		call = BillPay
	default:
		return Outcome{}, unsent(r.Call, errors.New("nobody is named"))
	}
	parties, err := g.payee(call, r.Args)
	if err != nil {
		return Outcome{}, unsent(r.Call, err)
	}
	path, err := account(parties, "/accountname")
	if err != nil {
		return Outcome{}, unsent(r.Call, err)
	}
	a, err := g.exchange(ctx, exchange{op: r.Call, method: http.MethodGet, path: path})
	if err != nil {
		return Outcome{}, err
	}
	var n wireAccountName
	out, err := g.read(r, a, http.StatusOK, &n)
	if err != nil || out.Status != Done {
		return out, err
	}
	name := n.Name.String()
	if name == "" {
		return Outcome{}, failed(r.Call, errors.New("the core gave no name"))
	}
	out.Fields = Args{{"name", name}}
	return out, nil
}

// fee asks for a quotation of an action. Field: fee.
func (g *GSMA) fee(ctx context.Context, r Request) (Outcome, error) {
	call := r.Args.Get("call")
	if !Moves(call) {
		return Outcome{}, unsent(r.Call, errors.New("call: not an action"))
	}
	want, err := g.intent(call, r.ID, r.MSISDN, r.Args)
	if err != nil {
		return Outcome{}, unsent(r.Call, err)
	}
	body, err := want.quotation(g.cfg.Currency, g.cfg.Now())
	if err != nil {
		return Outcome{}, unsent(r.Call, err)
	}
	x := exchange{op: r.Call, method: http.MethodPost, path: "/quotations", body: body}
	if _, err := uuid.Parse(r.ID); err == nil {
		x.correlation = r.ID
	}
	a, err := g.exchange(ctx, x)
	if err != nil {
		return Outcome{}, err
	}
	var q wireQuotation
	out, err := g.read(r, a, http.StatusCreated, &q)
	if err != nil || out.Status != Done {
		return out, err
	}
	if string(q.Amount) != want.amount || !q.Currency.is(g.cfg.Currency) {
		return Outcome{}, failed(r.Call, fmt.Errorf("%w: another amount or currency", ErrMismatch))
	}
	if q.Status != "" && !q.Status.is("completed") {
		return Outcome{}, failed(r.Call, errors.New("the core made no quotation"))
	}
	for _, quote := range q.Quotes {
		if fee, ok := g.total(quote.Fees); ok && quote.Currency.is(g.cfg.Currency) {
			out.Fields = Args{{"fee", fee}}
			return out, nil
		}
	}
	return Outcome{}, failed(r.Call, errors.New("the quotation names no quote in our currency"))
}

// balance asks what the customer can spend. Field: balance.
func (g *GSMA) balance(ctx context.Context, r Request) (Outcome, error) {
	a, err := g.own(ctx, r, "/balance")
	if err != nil {
		return Outcome{}, err
	}
	return g.amount(r, a, "balance")
}

// commission asks what an agent has earned: the balance of the account of that
// category beside the float. Field: commission.
func (g *GSMA) commission(ctx context.Context, r Request) (Outcome, error) {
	a, err := g.own(ctx, r, "/balance", party{Key: "accountcategory", Value: g.cfg.Identifiers.Commission})
	if err != nil {
		return Outcome{}, err
	}
	return g.amount(r, a, "commission")
}

// amount reads a balance into a field.
func (g *GSMA) amount(r Request, a Answer, field string) (Outcome, error) {
	var b wireBalance
	out, err := g.read(r, a, http.StatusOK, &b)
	if err != nil || out.Status != Done {
		return out, err
	}
	if b.Currency != "" && !b.Currency.is(g.cfg.Currency) {
		return Outcome{}, failed(r.Call, fmt.Errorf("%w: another currency", ErrMismatch))
	}
	amount := b.Available
	if amount == "" {
		amount = b.Current
	}
	if amount == "" {
		return Outcome{}, failed(r.Call, errors.New("the core gave no balance"))
	}
	out.Fields = Args{{field, string(amount)}}
	return out, nil
}

// own reads something of the customer's own account, or of one that more
// identifiers tell from it.
func (g *GSMA) own(ctx context.Context, r Request, tail string, more ...party) (Answer, error) {
	p, err := g.msisdn(r.MSISDN)
	if err != nil {
		return Answer{}, unsent(r.Call, fmt.Errorf("customer: %w", err))
	}
	path, err := account(append([]party{p}, more...), tail)
	if err != nil {
		return Answer{}, unsent(r.Call, err)
	}
	return g.exchange(ctx, exchange{op: r.Call, method: http.MethodGet, path: path, pin: r.PIN})
}

// statement asks for the last movements of the customer's account, those that
// are done.
func (g *GSMA) statement(ctx context.Context, r Request) (Outcome, error) {
	rows := g.cfg.StatementRows
	if s := r.Args.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return Outcome{}, unsent(r.Call, errors.New("limit: not a number of rows"))
		}
		rows = min(n, 50)
	}
	a, err := g.own(ctx, r, "/statemententries?limit="+strconv.Itoa(rows))
	if err != nil {
		return Outcome{}, err
	}
	var list []wireTransaction
	out, err := g.read(r, a, http.StatusOK, &list)
	if err != nil || out.Status != Done {
		return out, err
	}
	for _, t := range list {
		if len(out.Rows) == rows {
			break
		}
		if g.done[strings.ToLower(string(t.Status))] && t.Currency.is(g.cfg.Currency) && t.Amount != "" {
			out.Rows = append(out.Rows, row(r.MSISDN, t))
		}
	}
	return out, nil
}

// row is one movement as the customer sees it.
func row(customer string, t wireTransaction) Args {
	direction, other := "in", t.Debit
	for _, p := range t.Debit {
		if p.Key.is("msisdn") && digits(string(p.Value)) == customer {
			direction, other = "out", t.Credit
		}
	}
	who := ""
	if len(other) > 0 {
		who = Clean(string(other[0].Value), 64)
		if other[0].Key.is("msisdn") {
			who = digits(who)
		}
	}
	kind := t.DisplayType
	if kind == "" {
		kind = t.Type
	}
	ref := t.Receipt
	if ref == "" {
		ref = t.Reference
	}
	at := ""
	for _, i := range []instant{t.Created, t.CreatedOld, t.Modified, t.Requested} {
		if !i.IsZero() {
			at = i.Format(time.RFC3339)
			break
		}
	}
	return Args{
		{"date", at},
		{"kind", Clean(string(kind), 64)},
		{"amount", string(t.Amount)},
		{"direction", direction},
		{"party", who},
		{"ref", Clean(string(ref), 64)},
	}
}

// lookup asks what became of a transaction, by the reference that the customer
// was given. One of other people is as unknown as one that never was. Fields:
// state (done, failed or pending), and those of a statement's row.
func (g *GSMA) lookup(ctx context.Context, r Request) (Outcome, error) {
	ref := r.Args.Get("reference")
	if ref == "" || len(ref) > 64 || strings.ContainsFunc(ref, func(c rune) bool {
		return c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) {
		return Outcome{}, unsent(r.Call, errors.New("reference: not an identifier"))
	}
	a, err := g.exchange(ctx, exchange{op: r.Call, method: http.MethodGet, path: "/transactions/" + ref})
	if err != nil {
		return Outcome{}, err
	}
	var t wireTransaction
	out, err := g.read(r, a, http.StatusOK, &t)
	if err == nil && out.Status == Rejected && out.Reason == UnknownPayee {
		out.Reason = UnknownReference
	}
	if err != nil || out.Status != Done {
		return out, err
	}
	if !strings.EqualFold(string(t.Reference), ref) {
		return Outcome{}, failed(r.Call, fmt.Errorf("%w: another reference", ErrMismatch))
	}
	mine := false
	for _, p := range append(t.Debit[:len(t.Debit):len(t.Debit)], t.Credit...) {
		mine = mine || p.Key.is("msisdn") && digits(string(p.Value)) == r.MSISDN
	}
	if !mine {
		return Outcome{Status: Rejected, Reason: UnknownReference, Detail: "a transaction of other people"}, nil
	}
	if t.Amount == "" || !t.Currency.is(g.cfg.Currency) {
		return Outcome{}, failed(r.Call, fmt.Errorf("%w: no amount, or another currency", ErrMismatch))
	}
	state := "pending"
	switch status := strings.ToLower(string(t.Status)); {
	case g.done[status]:
		state = "done"
	case g.failed[status]:
		state = "failed"
	}
	out.Fields = append(Args{{"state", state}}, row(r.MSISDN, t)...)
	return out, nil
}

// lock makes the customer's account unavailable, so that nobody who has the
// phone and the PIN can pay from it. It moves no money and may be repeated: an
// account that is locked stays so. A core that will decide later (202) has not
// said yes.
func (g *GSMA) lock(ctx context.Context, r Request) (Outcome, error) {
	p, err := g.msisdn(r.MSISDN)
	if err != nil {
		return Outcome{}, unsent(r.Call, fmt.Errorf("customer: %w", err))
	}
	path, err := account([]party{p}, "")
	if err != nil {
		return Outcome{}, unsent(r.Call, err)
	}
	const body = `[{"op":"replace","path":"/accountStatus","value":"unavailable"}]`
	x := exchange{op: r.Call, method: http.MethodPatch, path: path, body: []byte(body), pin: r.PIN}
	if _, err := uuid.Parse(r.ID); err == nil {
		x.correlation = r.ID
	}
	a, err := g.exchange(ctx, x)
	if err != nil {
		return Outcome{}, err
	}
	if a.Status == http.StatusNoContent {
		return Outcome{Status: Done}, nil
	}
	if a.Status < 400 {
		return Outcome{}, failed(r.Call, fmt.Errorf("the core answered with status %d", a.Status))
	}
	return g.read(r, a, http.StatusNoContent, &struct{}{})
}

// changePIN gives the customer another PIN: see Call. Without an answer nobody
// knows which of the two is valid.
func (g *GSMA) changePIN(ctx context.Context, r Request) (Outcome, error) {
	if !g.cfg.ChangePIN {
		return Outcome{}, unsent(r.Call, errors.New("this core takes no new PINs"))
	}
	if r.PIN.IsZero() || r.NewPIN.IsZero() {
		return Outcome{}, unsent(r.Call, errors.New("it needs the present PIN and the new one"))
	}
	p, err := g.msisdn(r.MSISDN)
	if err != nil {
		return Outcome{}, unsent(r.Call, fmt.Errorf("customer: %w", err))
	}
	path, err := account([]party{p}, "")
	if err != nil {
		return Outcome{}, unsent(r.Call, err)
	}
	const body = `[{"op":"replace","path":"/credentials/pin","value":"X-User-Credential-2"}]`
	x := exchange{op: r.Call, method: http.MethodPatch, path: path, body: []byte(body), pin: r.PIN, newPIN: r.NewPIN}
	if _, err := uuid.Parse(r.ID); err == nil {
		x.correlation = r.ID
	}
	a, err := g.exchange(ctx, x)
	if err != nil {
		return Outcome{}, err
	}
	if a.Status == http.StatusNoContent {
		return Outcome{Status: Done}, nil
	}
	if a.Status < 400 {
		return Outcome{}, failed(r.Call, fmt.Errorf("the core answered with status %d", a.Status))
	}
	out, err := g.read(r, a, http.StatusNoContent, &struct{}{})
	out.Detail = Scrub(out.Detail, r.NewPIN)
	return out, err
}
