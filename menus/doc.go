// Package menus is the menu language: it loads YAML strictly, runs dialogues as
// pure steps, and renders every screen within the channel's limits.
//
// It has no goroutines, no clock and no I/O beside reading the YAML files. The
// files of a folder are one [Catalog], a revision; each menu in it is a
// [Program]. [Program.Step] takes a [State] and an [Input] and gives a [Turn]: a
// screen to show, or a call to make and to answer.
//
// # Files
//
// Every *.yaml but *.test.yaml is read. A file with "menu:" is a menu, the one
// with "texts:" has what is said outside any menu. All that is wrong is reported
// at once as [Problems]: file:line:col, a stable code, a caret and a fix. There
// are no warnings: what loads, runs.
//
//	menu: wallet
//	codes: ["*150*00#"]                         # dialled; always in quotes
//	languages: [en, sw]                         # the first is the default
//	start: home
//	keys: {back: "0", home: "00", more: "98"}   # these are the defaults
//	tries: 5                                    # wrong answers in a row
//	resume: {mode: ask, within: 5m}             # ask, continue or restart
//	screens: {...}
//
// # Screens
//
//	menu     text, options
//	input    text, var, type, next [min, max, length, pattern, error]
//	confirm  text, var, type: secret, next [length, error], or text, next, no
//	fetch    call, with, save, on [deadline]: a read from the core
//	action   call, with, on, notify [deadline]: money moves
//	message  text [each, options]
//	end      text [each]: closes the dialogue
//
// An option has id, label and go, and may have needs (the call without which it
// is marked as unavailable and leads nowhere) and set. Options are numbered in
// the order of the file; the numbers work from every page.
//
// Types of input: msisdn, money and date (min, max), number (digits, leading
// zeros kept; min, max, length), text (length, pattern) and secret (digits;
// length, 4 to 6 by default). A length is a number or [shortest, longest], a
// pattern is Go's RE2 and matches the whole answer, bounds of dates are
// "2026-12-31", today, today+7d. A wrong answer is told the screen's error:, or
// the catalog's text for the type, with {min}, {max} and {length}.
//
// # Variables and literals
//
// In with: and set: a word is the name of a variable, and a word behind "=" is
// a literal:
//
//	with: {call: =transfer, amount: amount, to: to}
//	set: {to: customer, biller: =100100}
//	set: {language: sw}                          # switches the dialogue's language
//
// save: {name: payee} stores the call's result "name" in the variable payee. An
// action stores its results under their own names (balance, fee, payee_name,
// payee_msisdn, agent_msisdn, and a billpay's token and units) if the core gives
// them. {customer} is always
// there, {ref} after an action that was done or is unknown, {reason} after a
// refusal, {until} where the core said when it will be back. The loader follows
// every way through the menu: a text or a call that uses a variable which may
// have no value is an error, unless the text says what stands there without it.
//
// Going to the start screen forgets everything but the language, so that nothing
// of one errand shows up in the next.
//
// # Texts
//
//	{name}            formatted by its type: TZS 5,000 or 0700000001
//	{name|format}     plain, money, number (no currency), msisdn, date, day, time
//	{name?then|else}  if it has a value, and else; either may hold more of these
//	{{ }}             braces
//
// each: {rows: entries, text: {...}, empty: {...}} shows the rows of a statement
// with {date}, {kind}, {amount}, {direction} (+ or -), {party} and {ref}.
//
// A screen that is too long pages itself at the ends of lines or words, counted
// in septets, or in UTF-16 units if one character of it is outside the GSM
// alphabet. On a later page the back key turns back a page.
//
// # Calls
//
//	transfer      to amount pin [note]            action
//	merchantpay   till amount pin                 action
//	billpay       biller reference amount pin     action
//	airtime       to amount pin                   action
//	withdrawal    agent amount pin                action
//	balance       pin                             gives balance
//	account_name  to | till | biller | agent      gives name
//	fee           call amount, and one of those   gives fee
//	statement     pin [limit]                     gives rows
//
// on: names a screen for every outcome: done, rejected, unavailable, and for an
// action unknown. rejected: may be a map of reason codes with an else. A screen
// that asks again after a refusal has the reason in front of it. After an action
// that was done or is unknown there is no way back into it.
//
// notify: has the SMS to customer, payee and agent: texts for done, or a map of
// done, rejected, unknown and expired. Without them the customer gets the
// catalog's notice_rejected and notice_expired.
//
// # Secrets
//
// What a secret input was given is sealed at once by [Input.Seal]. Only sealed
// octets are in the State and in a Call, texts cannot name them, a call that
// takes one takes it out of the State, and the back key forgets them.
package menus
