package menus

import "strings"

// sysText numbers the catalog's texts outside any menu.
type sysText uint8

const (
	sysWrongChoice sysText = iota
	sysTooMany
	sysYes
	sysNo
	sysBack
	sysHome
	sysMore
	sysUnavailable
	sysUnavailableUntil
	sysExplainUnavailable
	sysExplainUnavailableUntil
	sysVeryBusy
	sysInvalidMSISDN
	sysInvalidMoney
	sysInvalidNumber
	sysInvalidText
	sysInvalidDate
	sysInvalidSecret
	sysSessionExpired
	sysUnknownCode
	sysBusy
	sysUnsure
	sysStillChecking
	sysResumed
	sysResumeAsk
	sysResumeGo
	sysResumeAnew
	sysMaintenance
	sysSecretDiffers
	sysDialSecret
	sysNoticeRejected
	sysNoticeExpired
	sysOpenChecking
	sysOpenDone
	sysOpenRejected
	sysOpenExpired
	sysOpenGo
	sysAgainChecking
	sysAgainDone
	sysAgainNo
	sysAgainYes
	sysTell
	sysTold
	sysNoticeBack
	sysNoticeBalance
	sysCount
)

// What is known of an action that was begun before.
var (
	openVars    = []argDef{{"kind", typeKind, false}, {"ref", typeText, false}, {"amount", typeMoney, true}, {"to", typeText, true}, {"at", typeTime, false}}
	refusedVars = append(openVars[:len(openVars):len(openVars)], argDef{"reason", typeReason, false})
)

// Bounds of an input, for the error texts.
var boundVars = []argDef{{"min", typeText, true}, {"max", typeText, true}, {"length", typeText, true}}

// systemDefs say which variables each text may use, and which of them are
// always there; the others need a {name?...} around them.
var systemDefs = [sysCount]struct {
	name string
	vars []argDef
}{
	sysWrongChoice:             {name: "wrong_choice"},
	sysTooMany:                 {name: "too_many"},
	sysYes:                     {name: "yes"},
	sysNo:                      {name: "no"},
	sysBack:                    {name: "back"},
	sysHome:                    {name: "home"},
	sysMore:                    {name: "more"},
	sysUnavailable:             {name: "unavailable"},
	sysUnavailableUntil:        {name: "unavailable_until", vars: []argDef{{name: "until", typ: typeTime}}},
	sysExplainUnavailable:      {name: "explain_unavailable"},
	sysExplainUnavailableUntil: {name: "explain_unavailable_until", vars: []argDef{{name: "until", typ: typeTime}}},
	sysVeryBusy:                {name: "very_busy"},
	sysInvalidMSISDN:           {name: "invalid_msisdn"},
	sysInvalidMoney:            {name: "invalid_money", vars: boundVars},
	sysInvalidNumber:           {name: "invalid_number", vars: boundVars},
	sysInvalidText:             {name: "invalid_text", vars: boundVars},
	sysInvalidDate:             {name: "invalid_date", vars: boundVars},
	sysInvalidSecret:           {name: "invalid_secret", vars: boundVars},
	sysSessionExpired:          {name: "session_expired", vars: []argDef{{name: "code", typ: typeText}}},
	sysUnknownCode:             {name: "unknown_code", vars: []argDef{{name: "code", typ: typeText}}},
	sysBusy:                    {name: "busy"},
	sysUnsure:                  {name: "unsure", vars: []argDef{{name: "code", typ: typeText}}},
	sysStillChecking:           {name: "still_checking", vars: []argDef{{name: "ref", typ: typeText, optional: true}}},
	sysResumed:                 {name: "resumed"},
	sysResumeAsk:               {name: "resume_ask"},
	sysResumeGo:                {name: "resume_continue"},
	sysResumeAnew:              {name: "resume_restart"},
	sysMaintenance:             {name: "maintenance", vars: []argDef{{name: "until", typ: typeTime, optional: true}}},
	sysSecretDiffers:           {name: "secret_differs"},
	sysDialSecret:              {name: "dial_secret", vars: []argDef{{name: "code", typ: typeText}}},
	sysNoticeRejected: {name: "notice_rejected", vars: []argDef{
		{name: "ref", typ: typeText, optional: true}, {name: "reason", typ: typeReason}, {name: "amount", typ: typeMoney, optional: true}}},
	sysNoticeExpired: {name: "notice_expired", vars: []argDef{
		{name: "ref", typ: typeText, optional: true}, {name: "amount", typ: typeMoney, optional: true}}},
	sysOpenChecking:  {name: "open_checking", vars: openVars},
	sysOpenDone:      {name: "open_done", vars: openVars},
	sysOpenRejected:  {name: "open_rejected", vars: refusedVars},
	sysOpenExpired:   {name: "open_expired", vars: openVars},
	sysOpenGo:        {name: "open_continue"},
	sysAgainChecking: {name: "again_checking", vars: openVars},
	sysAgainDone:     {name: "again_done", vars: openVars},
	sysAgainNo:       {name: "again_no"},
	sysAgainYes:      {name: "again_yes"},
	sysTell:          {name: "tell"},
	sysTold:          {name: "told"},
	sysNoticeBack:    {name: "notice_back", vars: []argDef{{"kind", typeKind, false}, {"code", typeText, false}}},
	sysNoticeBalance: {name: "notice_balance", vars: []argDef{{"balance", typeMoney, false}, {"at", typeTime, false}}},
}

// sysLang is all of them in one language.
type sysLang struct {
	lang    string
	texts   [sysCount][]seg
	reasons []pair // code, text; all reasonCodes in their order
	kinds   []pair // of a statement's rows
	yes, no []byte // the option lines of a confirm
	goOn    []byte // and those of a dialogue that may be taken up again
	anew    []byte
	seen    []byte // that of an action that was begun before
	leave   []byte // that of who does not want the same a second time
	tell    string
	busy    string // behind an option
}

type pair struct{ name, text string }

// reason is the text of a code; an unknown one reads as "other", the last.
func (s *sysLang) reason(code string) string {
	for i := range s.reasons {
		if s.reasons[i].name == code {
			return s.reasons[i].text
		}
	}
	if n := len(s.reasons); n > 0 {
		return s.reasons[n-1].text
	}
	return ""
}

// kind is the text of a row's kind, whatever its case; an unknown one reads as
// itself.
func (s *sysLang) kind(k string) string {
	for i := range s.kinds {
		if strings.EqualFold(s.kinds[i].name, k) {
			return s.kinds[i].text
		}
	}
	return k
}
