package coresim

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"nyota/gateway/simulator/faults"
)

// bank is the money: accounts in double entry, so that all balances always add
// up to zero. It has no lock and no clock.
type bank struct {
	dir      *Directory
	limits   Limits
	tries    int
	day      *time.Location
	most     int // transactions kept
	accounts map[string]*account
	ordered  []*account // as they were opened
	byRef    map[string]*transaction
	effects  []*Effect
	byID     map[string]*Effect // by correlation id
	sequence uint64
}

// Accounts of the house. Money enters the system from trust, whose balance is
// the negative of all e-money; no other balance is ever negative.
const (
	trustAccount   = "trust"
	feeAccount     = "fees"
	airtimeAccount = "airtime"
)

type account struct {
	id      string
	name    string
	msisdn  string
	pin     [sha256.Size]byte
	person  bool // has a PIN
	blocked bool
	shut    bool // its owner locked it: it can be paid, and pays nobody
	wrong   int  // PINs in a row
	balance int64
	spent   int64  // today
	today   string // the day of spent
	last    []*transaction
}

// entries are how many movements of an account a statement can show.
const entries = 100

// leg is one side of a posting.
type leg struct {
	account *account
	change  int64
}

// transaction is a payment that took effect.
type transaction struct {
	ref         string
	correlation string
	clientRef   string
	kind        string // of the API
	subType     string
	purpose     string // of the tariff and the statement: transfer, airtime, ...
	note        string
	amount, fee int64
	debit       *account
	credit      *account
	payer       []pair // as the request named them
	payee       []pair
	payeeName   string
	balance     int64 // the payer's, afterwards
	token       string
	units       string
	original    string // of a reversal: what it takes back
	reversed    bool
	at          time.Time
}

// Effect is what the movements of one request add up to: its CorrelationID is the
// client's, its parties are account ids. More Times than one, and something is wrong.
type Effect = faults.Effect

func newBank(cfg Config) (*bank, error) {
	b := &bank{
		dir: cfg.Directory, limits: cfg.Limits, tries: cfg.PINTries, day: cfg.Day, most: cfg.MaxRecords,
		accounts: make(map[string]*account), byRef: make(map[string]*transaction), byID: make(map[string]*Effect),
	}
	var problems []error
	open := func(a account, balance int64) {
		if a.id == "" || b.accounts[a.id] != nil || balance < 0 {
			problems = append(problems, fmt.Errorf("coresim: account %q is empty, there already or in the red", a.id))
			return
		}
		b.accounts[a.id] = &a
		b.ordered = append(b.ordered, &a)
		b.move(leg{b.accounts[trustAccount], -balance}, leg{&a, balance})
	}
	for _, a := range [...]account{{id: trustAccount, name: "Trust account"}, {id: feeAccount, name: "Fees"}, {id: airtimeAccount, name: "Airtime"}} {
		open(a, 0)
	}
	for _, a := range cfg.Directory.Accounts {
		open(account{id: a.MSISDN, name: a.Name, msisdn: a.MSISDN, pin: sha256.Sum256([]byte(a.PIN)), person: true, blocked: a.Blocked}, a.Balance)
	}
	for _, m := range cfg.Directory.Merchants {
		open(account{id: "till-" + m.Till, name: m.Name, msisdn: m.MSISDN}, 0)
	}
	for _, bl := range cfg.Directory.Billers {
		open(account{id: "biller-" + bl.Number, name: bl.Name}, 0)
	}
	for _, ag := range cfg.Directory.Agents {
		if b.accounts[ag.MSISDN] == nil {
			problems = append(problems, fmt.Errorf("coresim: agent %s has no account", ag.Number))
		}
		open(account{id: commissionAccount(&ag), name: ag.Name}, 0)
	}
	return b, errors.Join(problems...)
}

// move posts legs that add up to zero. It is the only place where a balance
// changes.
func (b *bank) move(legs ...leg) {
	total := int64(0)
	for _, l := range legs {
		total += l.change
		if l.account.id != trustAccount && l.account.balance+l.change < 0 {
			panic("coresim: a balance would become negative")
		}
	}
	if total != 0 {
		panic("coresim: a posting does not add up")
	}
	for _, l := range legs {
		l.account.balance += l.change
	}
}

// order is a payment asked for.
type order struct {
	correlation, clientRef string
	kind, subType, note    string
	of                     string // of a reversal: the reference of what it takes back
	amount                 int64
	payer, payee           []pair
	pin                    pin
}

// target is whom parties name.
type target struct {
	account *account
	name    string
	payee   []pair // identifiers to answer with: the asked ones, and the number
	biller  *Biller
	owner   *account // whose PIN opens it
}

// find resolves the identifiers of one account.
func (b *bank) find(parties []pair) (target, *problem) {
	var t target
	var reference string
	earned := false
	for _, p := range parties {
		key, value := strings.ToLower(p.Key), strings.TrimSpace(p.Value)
		switch key {
		case "msisdn", "accountid", "walletid":
			t.account = b.accounts[strings.TrimPrefix(value, "+")]
			if t.account != nil && !t.account.person {
				t.account = nil
			}
		case "storeid":
			t.account = b.accounts["till-"+value]
		case "organisationid":
			for _, ag := range b.dir.Agents {
				if ag.Number == value {
					t.account, t.name = b.accounts[ag.MSISDN], ag.Name
				}
			}
		case "serviceprovider":
			if t.biller = b.dir.biller(value); t.biller != nil {
				t.account = b.accounts["biller-"+t.biller.Number]
			}
		case "consumerno":
			reference = value
			continue
		case "accountcategory":
			if earned = strings.EqualFold(value, "commission"); !earned {
				return t, refuse(http.StatusNotFound, "identification", "identifierError", "there are no accounts of this category", "identifier", p.Key)
			}
			continue
		default:
			return t, refuse(http.StatusBadRequest, "validation", "formatError", "the identifier type is not supported", "identifier", p.Key)
		}
		if t.account == nil {
			return t, refuse(http.StatusNotFound, "identification", "identifierError", "nobody has this identifier", "identifier", p.Key)
		}
	}
	if t.account == nil {
		return t, refuse(http.StatusBadRequest, "validation", "mandatoryValueNotSupplied", "no account is named")
	}
	t.owner = t.account
	if earned {
		agent := b.agent(t.account)
		if agent == nil {
			return t, refuse(http.StatusNotFound, "identification", "identifierError", "only agents earn commission", "identifier", "accountcategory")
		}
		t.account = b.accounts[commissionAccount(agent)]
	}
	if t.name == "" {
		t.name = t.account.name
	}
	if t.biller != nil && reference != "" {
		if t.name = t.biller.consumer(reference); t.name == "" {
			return t, refuse(http.StatusNotFound, "identification", "identifierError", "the biller does not know the reference", "identifier", "consumerno")
		}
	}
	t.payee = parties
	if t.account.msisdn != "" && !named(parties, "msisdn") {
		t.payee = append(parties[:len(parties):len(parties)], pair{"msisdn", "+" + t.account.msisdn})
	}
	return t, nil
}

// agent is whose float an account is, nil if it is nobody's.
func (b *bank) agent(a *account) *Agent {
	for i := range b.dir.Agents {
		if b.dir.Agents[i].MSISDN == a.id {
			return &b.dir.Agents[i]
		}
	}
	return nil
}

func commissionAccount(a *Agent) string { return "commission-" + a.Number }

func named(parties []pair, key string) bool {
	for _, p := range parties {
		if strings.EqualFold(p.Key, key) {
			return true
		}
	}
	return false
}

// identify checks a customer's PIN, and counts.
func (b *bank) identify(a *account, given pin) *problem {
	const category, code = "authorisation", "requestingPartyAuthorisationError"
	if a.shut {
		return refuse(http.StatusUnauthorized, category, code, "the account is locked by its owner", "reason", "accountBlocked")
	}
	return b.know(a, given)
}

// know checks the PIN of an account, whether its owner locked it or not.
func (b *bank) know(a *account, given pin) *problem {
	const category, code = "authorisation", "requestingPartyAuthorisationError"
	switch {
	case a.blocked:
		return refuse(http.StatusUnauthorized, category, code, "the account is blocked", "reason", "accountBlocked")
	case a.wrong >= b.tries:
		return refuse(http.StatusUnauthorized, category, code, "the PIN is locked", "reason", "pinLocked")
	case given.err != nil:
		return refuse(http.StatusBadRequest, "validation", "formatError", given.err.Error(), "header", "X-User-Credential-1")
	case len(given.octets) == 0:
		return refuse(http.StatusUnauthorized, category, code, "a PIN is needed", "reason", "pinMissing")
	}
	sum := sha256.Sum256(given.octets)
	if subtle.ConstantTimeCompare(sum[:], a.pin[:]) == 1 {
		a.wrong = 0
		return nil
	}
	a.wrong++
	if a.wrong >= b.tries {
		return refuse(http.StatusUnauthorized, category, code, "the PIN is wrong, and is locked now", "reason", "pinLocked")
	}
	return refuse(http.StatusUnauthorized, category, code, "the PIN is wrong", "reason", "pinIncorrect", "attemptsLeft", strconv.Itoa(b.tries-a.wrong))
}

// changePIN gives an account another PIN: four to six digits that are not its
// present one, not all the same, and not in a row like 1234.
func (b *bank) changePIN(a *account, wanted pin) *problem {
	if wanted.err != nil {
		return refuse(http.StatusBadRequest, "validation", "formatError", wanted.err.Error(), "header", "X-User-Credential-2")
	}
	digits := wanted.octets
	weak := len(digits) < 4 || len(digits) > 6
	equal, rising := true, true
	for i := 1; i < len(digits); i++ {
		equal, rising = equal && digits[i] == digits[0], rising && digits[i] == digits[i-1]+1
	}
	sum := sha256.Sum256(digits)
	if weak || equal || rising || subtle.ConstantTimeCompare(sum[:], a.pin[:]) == 1 {
		return refuse(http.StatusBadRequest, "businessRule", "requestDeclined", "this is not taken for a PIN", "reason", "pinWeak")
	}
	a.pin = sum
	return nil
}

// purpose is what a payment is for, by its kind and subtype.
func (o order) purpose() string {
	if o.kind == "billpay" && strings.EqualFold(o.subType, "airtime") {
		return "airtime"
	}
	return o.kind
}

// pay does a payment, or says why not.
func (b *bank) pay(now time.Time, o order) (*transaction, *problem) {
	if o.kind == "reversal" {
		return b.reverse(now, o)
	}
	payer, p := b.find(o.payer)
	switch {
	case p != nil:
		p.param("party", "debitParty")
		return nil, p
	case !payer.account.person:
		return nil, refuse(http.StatusBadRequest, "businessRule", "transactionTypeError", "this account cannot pay", "party", "debitParty")
	}
	if p := b.identify(payer.account, o.pin); p != nil {
		return nil, p
	}
	payee, p := b.find(o.payee)
	if p != nil {
		p.param("party", "creditParty")
		return nil, p
	}
	purpose := o.purpose()
	if p := suits(purpose, o.payee, payee); p != nil {
		return nil, p
	}
	if purpose == "deposit" && b.agent(payer.account) == nil {
		return nil, refuse(http.StatusBadRequest, "businessRule", "transactionTypeError", "only agents take deposits", "party", "debitParty")
	}
	to := payee.account
	if purpose == "airtime" {
		to = b.accounts[airtimeAccount]
	}
	fee := b.dir.fee(purpose, o.amount)
	if p := b.allowed(now, payer.account, to, o.amount, fee); p != nil {
		return nil, p
	}
	if len(b.byRef) >= b.most {
		return nil, refuse(http.StatusServiceUnavailable, "serviceUnavailable", "genericError", "the core's books are full")
	}
	b.move(leg{payer.account, -o.amount - fee}, leg{to, o.amount}, leg{b.accounts[feeAccount], fee})
	if ag := b.agent(payer.account); purpose == "deposit" && ag != nil {
		fees := b.accounts[feeAccount]
		earned := min(step(b.dir.Earnings, o.amount), fees.balance)
		b.move(leg{fees, -earned}, leg{b.accounts[commissionAccount(ag)], earned})
	}
	payer.account.spent += o.amount
	b.sequence++
	t := &transaction{
		ref: reference(now.In(b.day), b.sequence), correlation: o.correlation, clientRef: o.clientRef,
		kind: o.kind, subType: o.subType, purpose: purpose, note: o.note, amount: o.amount, fee: fee,
		debit: payer.account, credit: to, payer: payer.payee, payee: payee.payee, payeeName: payee.name,
		balance: payer.account.balance, at: now,
	}
	if payee.biller != nil && payee.biller.Token {
		t.token, t.units = token(t.ref), fmt.Sprintf("%d.%d", o.amount/357, o.amount%357*10/357)
	}
	b.book(t)
	return t, nil
}

// suits says whether the payee is one that the kind of payment can pay.
func suits(purpose string, asked []pair, payee target) *problem {
	ok := false
	switch purpose {
	case "transfer", "airtime", "deposit":
		ok = payee.account.person && named(asked, "msisdn")
	case "merchantpay":
		ok = strings.HasPrefix(payee.account.id, "till-")
	case "withdrawal":
		ok = payee.account.person && named(asked, "organisationid")
	case "billpay":
		if ok = payee.biller != nil; ok && !named(asked, "consumerno") {
			return refuse(http.StatusBadRequest, "validation", "mandatoryValueNotSupplied", "the biller needs a reference", "identifier", "consumerno")
		}
	}
	if !ok {
		return refuse(http.StatusNotFound, "identification", "identifierError", "this payee cannot be paid so", "party", "creditParty")
	}
	return nil
}

// allowed holds a payment against the rules.
func (b *bank) allowed(now time.Time, from, to *account, amount, fee int64) *problem {
	rule := func(code, words string) *problem {
		return refuse(http.StatusBadRequest, "businessRule", code, words)
	}
	if day := now.In(b.day).Format(time.DateOnly); from.today != day {
		from.today, from.spent = day, 0
	}
	switch {
	case from == to:
		return rule("samePartiesError", "payer and payee are one")
	case to.blocked:
		return refuse(http.StatusBadRequest, "businessRule", "requestDeclined", "the payee's account is blocked", "reason", "payeeUnavailable")
	case amount < b.limits.Min:
		return rule("lessThanTransactionMinValue", "the amount is under the least that can be paid")
	case amount > b.limits.Max:
		return rule("greaterThanTransactionMaxValue", "the amount is over the most that can be paid at once")
	case from.spent+amount > b.limits.Daily:
		return rule("dailyValueLimitExceeded", "the amount is over what is left of the day's limit")
	case from.balance < amount+fee:
		return rule("insufficientFunds", "the account has less than amount and fee")
	}
	return nil
}

// book keeps a payment that took effect.
func (b *bank) book(t *transaction) {
	b.byRef[t.ref] = t
	for _, a := range [...]*account{t.debit, t.credit} {
		if a.last = append(a.last, t); len(a.last) > entries {
			a.last = append(a.last[:0], a.last[1:]...)
		}
	}
	e := b.byID[t.correlation]
	if e == nil || t.correlation == "" {
		e = &Effect{
			CorrelationID: t.correlation, Type: t.purpose, Amount: strconv.FormatInt(t.amount, 10), Debit: t.debit.id, Credit: t.credit.id,
		}
		if first := b.byRef[t.original]; first != nil {
			e.Of = first.correlation
		}
		b.effects = append(b.effects, e)
		b.byID[t.correlation] = e
	}
	e.Times++
}

// reference is a transaction's: three signs of the date, seven that never repeat
// and are not in a row.
func reference(day time.Time, sequence uint64) string {
	const signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const all = 36 * 36 * 36 * 36 * 36 * 36 * 36
	out := []byte{signs[10+day.Year()%26], signs[9+int(day.Month())], signs[day.Day()], 0, 0, 0, 0, 0, 0, 0}
	n := sequence * 60_466_181 % all // odd and no multiple of 3: every number comes once
	for i := len(out) - 1; i >= 3; i-- {
		out[i] = signs[n%36]
		n /= 36
	}
	return string(out)
}

// token is a prepaid meter's, 20 digits.
func token(ref string) string {
	sum := sha256.Sum256([]byte(ref))
	out := make([]byte, 20)
	for i := range out {
		out[i] = '0' + sum[i]%10
	}
	return string(out)
}
