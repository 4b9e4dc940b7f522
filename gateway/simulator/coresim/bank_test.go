package coresim

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func testBank(t interface{ Fatal(...any) }, change ...func(*Config)) *bank {
	d := DefaultDirectory()
	cfg := Config{Directory: &d, PINTries: 3, Day: time.FixedZone("EAT", 3*3600), MaxRecords: 1_000_000}
	cfg.Limits.defaults()
	for _, c := range change {
		c(&cfg)
	}
	b, err := newBank(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func msisdn(n string) []pair { return []pair{{"msisdn", "+" + n}} }

func orderOf(kind string, amount int64, payee ...pair) order {
	return order{correlation: newID(), kind: kind, amount: amount, payer: msisdn(asha), payee: payee, pin: pin{octets: []byte("1234")}}
}

func TestPaymentsAndRefusals(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	luku := []pair{{"serviceprovider", "luku"}, {"consumerno", "12345678901"}}
	for _, tc := range []struct {
		name   string
		order  order
		code   string // "" if it is done
		fee    int64
		credit string
	}{
		{"transfer", orderOf("transfer", 5000, pair{"msisdn", "+" + baraka}), "", 100, baraka},
		{"transfer by account id", orderOf("transfer", 5000, pair{"msisdn", baraka}), "", 100, baraka},
		{"to a merchant", orderOf("merchantpay", 5000, pair{"storeid", "500100"}), "", 0, "till-500100"},
		{"a bill", orderOf("billpay", 5000, luku...), "", 100, "biller-100100"},
		{"airtime", order{kind: "billpay", subType: "airtime", amount: 1000, payer: msisdn(asha), payee: msisdn(baraka), pin: pin{octets: []byte("1234")}}, "", 0, airtimeAccount},
		{"airtime for oneself", order{kind: "billpay", subType: "Airtime", amount: 1000, payer: msisdn(asha), payee: msisdn(asha), pin: pin{octets: []byte("1234")}}, "", 0, airtimeAccount},
		{"withdrawal", orderOf("withdrawal", 50_000, pair{"organisationid", "10001"}), "", 2700, "255710000001"},
		{"all there is", orderOf("transfer", 995_000, pair{"msisdn", baraka}), "", 3000, baraka},

		{"more than there is", orderOf("transfer", 1_000_000, pair{"msisdn", baraka}), "insufficientFunds", 0, ""},
		{"enough, but not for the fee", orderOf("transfer", 999_000, pair{"msisdn", baraka}), "insufficientFunds", 0, ""},
		{"too little", orderOf("transfer", 99, pair{"msisdn", baraka}), "lessThanTransactionMinValue", 0, ""},
		{"too much", orderOf("transfer", 5_000_001, pair{"msisdn", baraka}), "greaterThanTransactionMaxValue", 0, ""},
		{"to oneself", orderOf("transfer", 500, pair{"msisdn", asha}), "samePartiesError", 0, ""},
		{"to nobody", orderOf("transfer", 500, pair{"msisdn", "255799999999"}), "identifierError", 0, ""},
		{"to a till as a person", orderOf("transfer", 500, pair{"accountid", "till-500100"}), "identifierError", 0, ""},
		{"to a person as a till", orderOf("merchantpay", 500, pair{"msisdn", baraka}), "identifierError", 0, ""},
		{"at nobody's", orderOf("withdrawal", 5000, pair{"organisationid", "10002"}), "identifierError", 0, ""},
		{"a bill of nobody", orderOf("billpay", 5000, pair{"serviceprovider", "ACME"}, pair{"consumerno", "1"}), "identifierError", 0, ""},
		{"a bill without a reference", orderOf("billpay", 5000, luku[0]), "mandatoryValueNotSupplied", 0, ""},
		{"a reference that is too short", orderOf("billpay", 5000, luku[0], pair{"consumerno", "123"}), "identifierError", 0, ""},
		{"a reference in letters", orderOf("billpay", 5000, luku[0], pair{"consumerno", "ABCDEFGHIJK"}), "identifierError", 0, ""},
		{"an identifier nobody knows", orderOf("transfer", 500, pair{"iban", "TZ1"}), "formatError", 0, ""},
		{"the house's own account", orderOf("transfer", 500, pair{"accountid", trustAccount}), "identifierError", 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := testBank(t)
			tx, p := b.pay(now, tc.order)
			if tc.code != "" {
				if p == nil || p.error.Code != tc.code {
					t.Fatalf("%+v, want %s", p, tc.code)
				}
				if b.accounts[asha].balance != 1_000_000 {
					t.Error("a refusal cost money")
				}
				return
			}
			if p != nil {
				t.Fatalf("refused: %+v", p.error)
			}
			if tx.fee != tc.fee || tx.credit.id != tc.credit || b.accounts[asha].balance != 1_000_000-tc.order.amount-tc.fee {
				t.Errorf("fee %d, to %s, left %d", tx.fee, tx.credit.id, b.accounts[asha].balance)
			}
		})
	}
}

func TestPINIsLockedAfterThreeWrongInARow(t *testing.T) {
	now := time.Unix(0, 0)
	b := testBank(t)
	try := func(p string) string {
		o := orderOf("transfer", 500, pair{"msisdn", baraka})
		o.pin = pin{octets: []byte(p)}
		_, problem := b.pay(now, o)
		if problem == nil {
			return "paid"
		}
		return fmt.Sprint(problem.error.Parameters)
	}
	for i, step := range []struct{ pin, want string }{
		{"0000", "[{reason pinIncorrect} {attemptsLeft 2}]"}, {"0000", "[{reason pinIncorrect} {attemptsLeft 1}]"},
		{"1234", "paid"}, // a good one begins anew
		{"0000", "[{reason pinIncorrect} {attemptsLeft 2}]"}, {"", "[{reason pinMissing}]"},
		{"0000", "[{reason pinIncorrect} {attemptsLeft 1}]"}, {"12345", "[{reason pinLocked}]"},
		{"1234", "[{reason pinLocked}]"},
	} {
		if got := try(step.pin); got != step.want {
			t.Errorf("step %d, %q: %s, want %s", i, step.pin, got, step.want)
		}
	}
}

func TestDailyLimitEndsWithTheDay(t *testing.T) {
	b := testBank(t, func(c *Config) { c.Limits.Daily = 1000 })
	noon := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	late := time.Date(2026, 3, 1, 21, 0, 0, 0, time.UTC) // midnight in Dar es Salaam
	for _, step := range []struct {
		at     time.Time
		amount int64
		code   string
	}{{noon, 600, ""}, {noon, 401, "dailyValueLimitExceeded"}, {noon, 400, ""}, {late, 1000, ""}, {late, 100, "dailyValueLimitExceeded"}} {
		_, p := b.pay(step.at, orderOf("transfer", step.amount, pair{"msisdn", baraka}))
		if got := ""; p != nil {
			if got = p.error.Code; got != step.code {
				t.Errorf("%d at %v: %q, want %q", step.amount, step.at, got, step.code)
			}
		} else if step.code != "" {
			t.Errorf("%d at %v was paid", step.amount, step.at)
		}
	}
}

func TestBlockedAccountNeitherPaysNorIsPaid(t *testing.T) {
	b := testBank(t, func(c *Config) {
		d := DefaultDirectory()
		d.Accounts[0].Blocked = true
		c.Directory = &d
	})
	_, p := b.pay(time.Unix(0, 0), orderOf("transfer", 500, pair{"msisdn", baraka}))
	if p == nil || fmt.Sprint(p.error.Parameters) != "[{reason accountBlocked}]" {
		t.Errorf("%+v", p)
	}
	o := orderOf("transfer", 500, pair{"msisdn", asha})
	o.payer = msisdn(baraka)
	if _, p = b.pay(time.Unix(0, 0), o); p == nil || p.error.Code != "requestDeclined" {
		t.Errorf("%+v", p)
	}
}

func TestReferencesNeverRepeat(t *testing.T) {
	seen := make(map[string]bool)
	day := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	for n := range uint64(200_000) {
		r := reference(day, n)
		if len(r) != 10 || seen[r] {
			t.Fatalf("%q at %d", r, n)
		}
		seen[r] = true
	}
}

func TestDirectoryThatContradictsItselfIsAMistake(t *testing.T) {
	for name, change := range map[string]func(*Directory){
		"an account twice":         func(d *Directory) { d.Accounts = append(d.Accounts, d.Accounts[0]) },
		"an account in the red":    func(d *Directory) { d.Accounts[0].Balance = -1 },
		"an agent without account": func(d *Directory) { d.Agents = append(d.Agents, Agent{Number: "1", MSISDN: "2"}) },
	} {
		d := DefaultDirectory()
		change(&d)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was accepted", name)
				}
			}()
			_ = New(Config{Directory: &d}).Close()
		}()
	}
}

// Whatever is asked: the books balance, nobody but trust is in the red, and each
// payment moves what it says, once.
func TestBooksAlwaysBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := testBank(t)
		people := []string{asha, baraka, "255700000003", "255710000001", "255799999999"}
		paid := make(map[string]int64)
		for range rapid.IntRange(1, 60).Draw(t, "payments") {
			from, to := rapid.SampledFrom(people).Draw(t, "from"), rapid.SampledFrom(people).Draw(t, "to")
			o := order{
				correlation: newID(), amount: rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, 6_000_000)).Draw(t, "amount"),
				kind:  rapid.SampledFrom([]string{"transfer", "billpay", "withdrawal", "merchantpay"}).Draw(t, "kind"),
				payer: msisdn(from), pin: pin{octets: []byte(rapid.SampledFrom([]string{"1234", "1234", "1234", "0000"}).Draw(t, "pin"))},
			}
			switch o.kind {
			case "transfer":
				o.payee = msisdn(to)
			case "billpay":
				o.payee = []pair{{"serviceprovider", "dawasa"}, {"consumerno", "1234567"}}
			case "withdrawal":
				o.payee = []pair{{"organisationid", "10001"}}
			case "merchantpay":
				o.payee = []pair{{"storeid", "500200"}}
			}
			before := int64(0)
			if a := b.accounts[from]; a != nil {
				before = a.balance
			}
			tx, p := b.pay(time.Unix(0, 0), o)
			if (tx == nil) == (p == nil) {
				t.Fatal("neither done nor refused, or both")
			}
			if tx != nil {
				paid[o.correlation] = o.amount
				if tx.debit.balance != before-o.amount-tx.fee || tx.balance != tx.debit.balance {
					t.Fatalf("%d before, %d paid, %d fee, %d after", before, o.amount, tx.fee, tx.debit.balance)
				}
			} else if a := b.accounts[from]; a != nil && a.balance != before {
				t.Fatal("a refusal moved money")
			}
			total := int64(0)
			for id, a := range b.accounts {
				total += a.balance
				if a.balance < 0 && id != trustAccount {
					t.Fatalf("%s has %d", id, a.balance)
				}
			}
			if total != 0 {
				t.Fatalf("the books are off by %d", total)
			}
		}
		if len(b.effects) != len(paid) {
			t.Fatalf("%d effects of %d payments", len(b.effects), len(paid))
		}
		for _, e := range b.effects {
			if e.Times != 1 || e.Amount != fmt.Sprint(paid[e.CorrelationID]) {
				t.Fatalf("%+v", e)
			}
		}
	})
}
