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
// Every *.yaml but *.test.yaml is read. A file with "menu:" is a menu, one with
// "shared:" has screens that menus include, the one with "texts:" has what is said
// outside any menu. All that is wrong is reported
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
//	again: {within: 10m, key: "9"}              # the defaults; see What was begun before
//	include: [ends]                             # files that begin with "shared: ends"
//	keywords: [PESA]                            # an SMS that begins so enters the menu
//	texts: {wrong_choice: {...}}                # instead of the catalog's, in this menu
//	maintenance: true                           # nobody gets in; in texts.yaml: into no menu
//	aliases:                                    # shortcuts behind the code
//	  "1": {path: [send], fill: [to, amount]}   # *150*00*1*0712345678*5000#
//	screens: {...}
//
// A menu takes of an included file only the screens that its ways lead to; their
// texts may have more languages than the menu. Files may include each other, but
// not in a ring.
//
// An alias goes by the ids of options, so that their order may change, and then
// fills the inputs that fill: names with what was dialled behind it. It stops at a
// secret, a confirm, whatever else asks, an answer that is wrong, and an option
// that is down or hidden; what was dialled beyond the inputs is forgotten at once.
//
// resume: says what happens at a dial soon after a dialogue broke off: it is asked
// whether to go on, goes on, or begins. No secret outlives the break, and it never
// goes on behind one; see [Program.Dropped] and [Redial].
//
// # Screens
//
//	menu     text, options
//	input    text, var, type, next [min, max, length, pattern, choices, same_as, error]
//	confirm  text, var, type: secret, next [length, same_as, error], or text, next, no
//	list     text, rows, row, empty, next [set]: one row of a statement is chosen
//	choose   first: a list of {when, go}, else: the first condition that holds
//	fetch    call, with, save, on [deadline]: a call that moves no money
//	action   call, with, on, notify [deadline]: money moves
//	message  text [each, options, tell, sms]
//	end      text [each, sms]: closes the dialogue
//
// An option has id, label and go, and may have needs (the call without which it
// is marked as unavailable and leads nowhere; while most who want that call are
// turned away for want of room it is marked as very_busy, and leads on), unavailable (the screen that it
// leads to instead while that call is away), when (a condition without which it
// is not there) and set. One that sets the biller, till or agent of the call that
// it needs, to a literal, is also marked while that one alone is closed. The
// options that are there are numbered in the order of the file; the numbers work
// from every page.
//
// Types of input: msisdn, money and date (min, max), number (digits, leading
// zeros kept; min, max, length), text (length, pattern) and secret (digits;
// length, 4 to 6 by default). A length is a number or [shortest, longest], a
// pattern is Go's RE2 and matches the whole answer, bounds of dates are
// "2026-12-31", today, today+7d. A choice has choices, a list of {value, label}:
// its variable holds the value and reads as the label. same_as: names a secret
// that this one must equal. A wrong answer is told the screen's error:, or
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
// # Conditions
//
// when: is an expression of github.com/expr-lang/expr over the menu's variables:
// comparisons, and, or, not, in, contains, startsWith, endsWith, matches with a
// fixed pattern, arithmetic and ?:. Money and numbers are numbers, rows their
// number, all else texts; has(name) says whether a variable has a value, and a
// condition that does not ask needs one on every way. Functions, loops and ranges
// are not part of it, nor are secrets: a condition costs what it is long.
//
//	when: "amount > 1000000 and to != customer"
//	when: 'has(fee) and fee == 0 or reason in ["pin_locked", "account_blocked"]'
//
// # Texts
//
//	{name}            formatted by its type: TZS 5,000 or 0700000001
//	{name|format}     plain, money, number (no currency), msisdn, date, day, time, count (of rows)
//	{name#one={name} day|other={name} days}
//	                  by the plural forms that CLDR gives the language
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
//	deposit       to amount pin                   action, of an agent
//	balance       pin                             gives balance
//	commission    pin                             gives commission, of an agent
//	lock          pin                             locks the customer's own account
//	change_pin    pin new_pin                     gives nothing; pin_weak refuses the new one
//	last_balance                                  the last known balance, by SMS alone;
//	                                              gives sent_at if that was done already
//	status        reference                       gives state (done, failed or pending), amount
//	                                              [kind date direction party]
//	account_name  to | till | biller | agent      gives name
//	fee           call amount, and one of those   gives fee
//	statement     pin [limit]                     gives rows
//
// on: names a screen for every outcome: done, rejected, unavailable, and unknown
// for an action, for lock and for change_pin. Unavailable is what provably did not
// happen, or only reads; unknown is what nobody can say yet: the PIN may be the new
// one or the old one. rejected: may be a map of reason codes with an else. A screen
// that asks again after a refusal has the reason in front of it. After an action
// that was done or is unknown there is no way back into it.
//
// Behind an input or a confirm for a secret stands a call. While that is away the
// secret is not asked for: the dialogue goes where on: unavailable leads.
//
// last_balance is answered by the gateway, with an SMS to the customer's own
// number; rejected says that no balance is known. The same balance is sent once in
// ten minutes: who asks again gets no second SMS, and sent_at is when the first one
// left; a text that promises an SMS has to ask for it. It gives no value, as nobody can
// check a PIN while the core is away: what a screen showed, whoever holds the
// phone would read. The balance is one that the SMS of an action has told before.
//
// # What was begun before
//
// A dial says first what became of actions that the customer does not know the end
// of, at most three, the newest first: open_checking while nobody knows, and
// open_done, open_rejected or open_expired once, if the SMS has not left. Then the
// dialogue goes on to what was dialled, or ends with maintenance if that is closed. See [Input] and [Earlier].
//
// An action whose arguments but the secrets are those of one that is open, or was
// done within again: within, is asked about ([ScreenAgain]) after its confirm: 1
// leaves it, again: key sends it all the same. The key is none of 1, 2 and the
// menu's keys, so that nobody presses it without reading; within is 1m to 24h.
//
// # A service that is away
//
// An option that is unavailable leads to its unavailable: screen, or else to an
// explanation ([ScreenUnavailable]) that offers an SMS when the call can be made
// again. A message with tell: true offers it behind its own options, if a call that
// was unavailable led there. The gateway's own [CallTell] notes the wish, once for
// a customer and call.
//
// # SMS
//
// sms: of a message or an end is sent to the customer when the screen is reached,
// not when it is shown again: texts, or {text, each: {rows, text, empty}}. It has
// five parts at most; rows that do not fit are left out, from the end of the list.
//
// notify: has the SMS about an action to customer, payee and agent: texts for done, or a map of
// done, rejected, unknown and expired. Without them the customer gets the
// catalog's notice_rejected and notice_expired.
//
// # Secrets
//
// What a secret input was given is sealed at once by [Input.Seal]. Only sealed
// octets are in the State and in a Call, texts cannot name them, a call that
// takes one takes it out of the State, and the back key forgets them.
package menus
