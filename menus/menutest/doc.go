// Package menutest runs dialogue tests: YAML files beside the menus that say
// what a customer dials and presses, what the core answers, and what the phone
// then shows.
//
//	language: en                      # or a list: every case runs in each; the menu's first if left out
//	customer: "255700000001"
//	now: "2026-11-24T10:00:00+03:00"
//	core:                             # answers for all cases, by call or by screen
//	  account_name: {done: {name: ASHA JUMA}}
//	  fee: {done: {fee: 50}}
//	cases:
//	  - name: a transfer is confirmed on the screen and by two SMS
//	    core:
//	      transfer: {done: {balance: 994950, fee: 50, ref: QK7T2M}}
//	    steps:
//	      - {dial: "*150*00#", expect: {screen: home, contains: Send money}}
//	      - press: ["1", "0700000002", "5000", secret]
//	        expect: "QK7T2M confirmed. TZS 5,000 sent to 0700000002 ASHA JUMA. ..."
//	    sms:
//	      customer: {contains: You sent TZS 5,000}
//	      payee: {matches: "received TZS 5,000 from 07\\d+"}
//
// # Answers of the core
//
// A case's answers go before those of the file, and an answer for a screen
// before one for a call. One answer is given as often as it is asked for; a list
// is given in its order, and asking once more is a failure. So is an answer of a
// case that nobody asked for.
//
//	done, {done: {field: value, ref: QK7T2M, rows: [{...}]}}
//	{rejected: wrong_pin}
//	unknown             an action without an answer: "we are checking"; or lock and
//	                    change_pin, which may be done then
//	unavailable, {unavailable: "21:30"}
//	                    known to be away: nothing is accepted, so no SMS either
//	expired             an action that was accepted and never sent
//	slow, {slow: ...}   after the deadline: the screen goes on as for unknown, or as
//	                    for unavailable (what only reads); the SMS speak of what
//	                    the answer turns out to be
//
// down: [transfer, billpay/100100] or down: {transfer: "21:30"} marks what options need as
// unavailable before anybody chooses it, and busy: [transfer] as very busy.
//
// open: is what a dial says first of an action that was begun before, and again:
// an action that was the same as the next one of its call. Each is one or a list
// of {call: transfer, amount: 5000, to: "255700000002", state: done, ref: QK7T2M,
// at: "09:55"}; the state is checking, done, rejected (with a reason) or expired.
//
//	open: {call: transfer, amount: 5000, to: "255700000002"}
//	again: {call: airtime, amount: 1000, state: done}
//
// # Steps
//
// A case begins with a dial. With at: it begins on a screen in the middle of the
// menu, and with: has the variables that the dialogue would know there, as customers
// type them: {dial: "*150*00#", at: send_amount, with: {to: "0700000002"}}.
//
// A step has dial or press, one or a list of them, and expect, which is judged
// after the last: an exact text, or a map of text (exact), contains, lacks (one
// or a list), matches (a regular expression of Go), screen, ends and secret.
// The word secret presses some digits that the screen takes for a PIN, secret2
// some others; real ones do not belong into a test, and are refused.
//
// sms: has what was sent to customer, payee and agent, one or a list each, like
// expect. Once it is there, an SMS that it does not name is a failure.
package menutest
