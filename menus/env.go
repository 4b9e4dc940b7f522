package menus

import "fmt"

// Country is the numbering plan that msisdn inputs accept and texts show.
type Country struct {
	Prefix   string // digits of the country code: "255"
	National int    // digits after it: 9
	Trunk    string // what people dial in front of the national number: "0"
}

// Currency is what money inputs accept and texts show.
type Currency struct {
	Code   string // "TZS"
	Minor  int    // decimal places, 0 to 4
	Symbol string // shown instead of the code if not empty
}

// Env is what the operator's installation adds to the menus: part of their
// revision, because it changes what customers read.
type Env struct {
	Country  Country
	Currency Currency
	Limits   Limits // of a channel that does not name its own
}

// The shortest screens that a channel may have. With less there is no room for
// a line of text beside the paging keys.
const (
	MinSeptets = 60
	MinUCS2    = 40
)

// DefaultEnv is Tanzania over USSD: 182 septets, 80 UTF-16 units.
func DefaultEnv() Env {
	return Env{
		Country:  Country{Prefix: "255", National: 9, Trunk: "0"},
		Currency: Currency{Code: "TZS"},
		Limits:   Limits{Septets: 182, UCS2: 80},
	}
}

// check fills what was left out from DefaultEnv and refuses what cannot work.
func (e Env) check() (Env, error) {
	d := DefaultEnv()
	if e.Country == (Country{}) {
		e.Country = d.Country
	}
	if e.Currency == (Currency{}) {
		e.Currency = d.Currency
	}
	if e.Limits == (Limits{}) {
		e.Limits = d.Limits
	}
	switch c := e.Country; {
	case !isDigits(c.Prefix) || len(c.Prefix) > 3:
		return e, fmt.Errorf("menus: country prefix %q is not 1 to 3 digits", c.Prefix)
	case c.National < 4 || len(c.Prefix)+c.National > 15:
		return e, fmt.Errorf("menus: %d national digits do not make an E.164 number", c.National)
	case c.Trunk != "" && !isDigits(c.Trunk):
		return e, fmt.Errorf("menus: trunk prefix %q is not digits", c.Trunk)
	}
	if e.Currency.Code == "" || e.Currency.Minor < 0 || e.Currency.Minor > 4 {
		return e, fmt.Errorf("menus: currency needs a code and 0 to 4 minor digits, not %q and %d", e.Currency.Code, e.Currency.Minor)
	}
	return e, e.Limits.check()
}

func (l Limits) check() error {
	if l.Septets < MinSeptets || l.UCS2 < MinUCS2 {
		return fmt.Errorf("menus: limits of %d septets and %d UTF-16 units are below %d and %d", l.Septets, l.UCS2, MinSeptets, MinUCS2)
	}
	return nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
