package coresim

import "strings"

// Directory is who has an account at the core.
type Directory struct {
	Accounts  []Account
	Agents    []Agent
	Merchants []Merchant
	Billers   []Biller
	Tariff    map[string][]Step // by kind of payment: transfer, withdrawal, billpay, merchantpay, airtime, deposit
	Earnings  []Step            // what a deposit earns its agent, paid out of the fees as far as there are any
}

// Account is a customer's wallet, or an agent's float.
type Account struct {
	MSISDN  string // E.164 digits; also the account's id
	Name    string
	PIN     string
	Balance int64
	Blocked bool // it can neither pay nor be paid
}

// Agent is where cash is paid out. The account is one of Accounts.
type Agent struct {
	Number string
	Name   string
	MSISDN string
}

// Merchant is paid by till number.
type Merchant struct {
	Till   string
	Name   string
	MSISDN string // who gets the confirmation; "" if nobody
}

// Biller is paid by number, or by one of its names, for a customer's reference.
type Biller struct {
	Number  string
	Aliases []string // case does not matter
	Name    string
	Least   int  // digits of a reference
	Most    int  // digits of a reference
	Token   bool // a payment buys a prepaid token
}

// Limits are what a customer may pay, in whole units of the currency.
type Limits struct {
	Min   int64 // of one payment; default 100
	Max   int64 // of one payment; default 5,000,000
	Daily int64 // of all payments in a day; default 10,000,000
}

func (l *Limits) defaults() {
	if l.Min <= 0 {
		l.Min = 100
	}
	if l.Max <= 0 {
		l.Max = 5_000_000
	}
	if l.Daily <= 0 {
		l.Daily = 10_000_000
	}
}

// Step of a tariff: a payment of at most UpTo costs Fee. Over the last step the
// last fee holds.
type Step struct{ UpTo, Fee int64 }

// DefaultDirectory returns nine customers with 1,000,000 each and PIN 1234, an
// agent, merchants, billers and a tariff.
func DefaultDirectory() Directory {
	names := []string{
		"Asha Juma Mwinyi", "Baraka Elias Mushi", "Neema Joseph Kimaro", "Hamisi Omari Bakari", "Rehema Salum Ngowi",
		"Emmanuel Peter Massawe", "Zawadi Said Mrisho", "Godfrey Paul Lyimo", "Mwanaidi Ally Shabani",
	}
	d := Directory{
		Agents:    []Agent{{Number: "10001", Name: "Duka la Mama Salma", MSISDN: "255710000001"}},
		Merchants: []Merchant{{Till: "500100", Name: "Mlimani Supermarket", MSISDN: "255720000001"}, {Till: "500200", Name: "Kariakoo Simu na Vifaa", MSISDN: "255720000002"}},
		Billers: []Biller{
			{Number: "100100", Aliases: []string{"LUKU", "electricity", "TANESCO"}, Name: "LUKU - TANESCO", Least: 11, Most: 11, Token: true},
			{Number: "200200", Aliases: []string{"DAWASA", "water"}, Name: "DAWASA", Least: 7, Most: 12},
			{Number: "300300", Aliases: []string{"AZAMTV", "azam", "tv"}, Name: "Azam TV", Least: 8, Most: 12},
			{Number: "300400", Aliases: []string{"DSTV"}, Name: "DStv", Least: 8, Most: 11},
		},
		Tariff: map[string][]Step{
			"transfer": {{999, 10}, {4_999, 50}, {9_999, 100}, {49_999, 350}, {99_999, 700}, {499_999, 1_500},
				{999_999, 3_000}, {5_000_000, 5_000}},
			"withdrawal": {{4_999, 500}, {9_999, 900}, {49_999, 1_800}, {99_999, 2_700}, {499_999, 5_500},
				{999_999, 8_000}, {5_000_000, 10_000}},
			"billpay":     {{9_999, 100}, {99_999, 300}, {5_000_000, 500}},
			"merchantpay": {},
			"airtime":     {},
			"deposit":     {},
		},
		Earnings: []Step{{4_999, 50}, {9_999, 100}, {49_999, 200}, {99_999, 300}, {499_999, 500}, {5_000_000, 800}},
	}
	for i, name := range names {
		d.Accounts = append(d.Accounts, Account{MSISDN: "25570000000" + string(rune('1'+i)), Name: name, PIN: "1234", Balance: 1_000_000})
	}
	d.Accounts = append(d.Accounts, Account{MSISDN: "255710000001", Name: "Salma Abdallah Kombo", PIN: "1234", Balance: 5_000_000})
	return d
}

// consumers are whom billers know; a reference always means the same of them.
var consumers = [...]string{
	"Juma Rashid Mkwawa", "Grace Daniel Swai", "Fatuma Hassan Mtoro", "Elisha Samwel Chuwa",
	"Mariam Issa Kondo", "Peter Andrew Mollel", "Halima Yusuf Ngonyani", "Daudi Simon Mwakyusa",
}

func (d *Directory) biller(name string) *Biller {
	for i := range d.Billers {
		b := &d.Billers[i]
		if b.Number == name {
			return b
		}
		for _, a := range b.Aliases {
			if strings.EqualFold(a, name) {
				return b
			}
		}
	}
	return nil
}

// consumer returns who has a reference at the biller, or "" if nobody can.
func (b *Biller) consumer(reference string) string {
	if len(reference) < b.Least || len(reference) > b.Most || strings.Trim(reference, "0123456789") != "" {
		return ""
	}
	n := 0
	for _, r := range reference {
		n = (n*31 + int(r)) % 1_000_003
	}
	return consumers[n%len(consumers)]
}

func (d *Directory) fee(kind string, amount int64) int64 { return step(d.Tariff[kind], amount) }

// step is the fee of the first step that an amount does not exceed, or of the last.
func step(steps []Step, amount int64) int64 {
	for _, s := range steps {
		if amount <= s.UpTo {
			return s.Fee
		}
	}
	if len(steps) == 0 {
		return 0
	}
	return steps[len(steps)-1].Fee
}
