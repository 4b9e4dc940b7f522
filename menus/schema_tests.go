package menus

import "strings"

// testDefinitions are the dialogue tests, as package menutest reads them.
func testDefinitions(d object) {
	anyText := object{"type": []string{"string", "integer"}}
	oneOrMore := func(of any) object { return either(of, list(of, 1, 0)) }
	results := object{"ref": anyText}
	for i := range callDefs {
		for _, r := range callDefs[i].results {
			results[r.name] = anyText
		}
	}
	results["rows"] = list(keyed(nil, sameKeys(RowFields(), anyText)), 0, 0)
	plain := words("done", "unknown", "unavailable", "expired", "slow")
	said := func(name string, of any) object { return keyed([]string{name}, object{name: of}) }
	late := either(words("done", "unknown", "expired"), said("done", ref("results")), said("rejected", words(reasonCodes...)))
	d["results"] = either(object{"type": "null"}, keyed(nil, results))
	d["answer"] = either(plain, said("done", ref("results")), said("rejected", words(reasonCodes...)),
		said("unavailable", object{"type": "string"}), said("slow", late))
	d["answers"] = named(nameRule.String(), oneOrMore(ref("answer")))
	judged := func(screen bool) object {
		keys := object{"text": anyText, "contains": oneOrMore(anyText), "lacks": oneOrMore(anyText), "matches": object{"type": "string", "format": "regex"}}
		if screen {
			keys["screen"], keys["ends"], keys["secret"] = ref("name"), object{"type": "boolean"}, object{"type": "boolean"}
		}
		return either(anyText, keyed(nil, keys))
	}
	d["expect_screen"] = about("the exact text, or what is expected of the screen", judged(true))
	d["expect_sms"] = about("the exact text, or what is expected of the SMS", judged(false))
	settings := func(more object) object {
		more["language"] = oneOrMore(text(langRule.String()))
		more["customer"] = text("^[1-9][0-9]{6,14}$")
		more["now"] = object{"type": "string", "format": "date-time"}
		more["core"] = ref("answers")
		return more
	}
	d["earlier"] = keyed([]string{"call"}, object{
		"call": words(callNames(true)...), "state": words("checking", "done", "rejected", "expired"), "reason": words(reasonCodes...),
		"amount": anyText, "to": anyText, "ref": anyText, "at": object{"type": "string"},
	})
	whenBack := object{"type": []string{"string", "null"}}
	var parties []string
	for i := range callDefs {
		if callDefs[i].partyArg() != "" {
			parties = append(parties, callDefs[i].name)
		}
	}
	party := "^(" + strings.Join(parties, "|") + ")/.+$"
	d["case"] = keyed([]string{"name", "steps"}, settings(object{
		"name": object{"type": "string", "minLength": 1},
		"down": about("calls that cannot be made; billpay/100100 is one biller's", either(oneOrMore(either(words(append(callNames(true), callNames(false)...)...), text(party))),
			object{"type": "object", "patternProperties": object{nameRule.String(): whenBack, party: whenBack}, "additionalProperties": false})),
		"busy":  about("calls that are marked as very busy", oneOrMore(words(append(callNames(true), callNames(false)...)...))),
		"open":  about("actions that a dial speaks of first", oneOrMore(ref("earlier"))),
		"again": about("actions that were the same as the next of their call", oneOrMore(ref("earlier"))),
		"steps": list(ref("step"), 1, 0),
		"sms":   keyed(nil, sameKeys([]string{string(RoleCustomer), string(RolePayee), string(RoleAgent)}, oneOrMore(ref("expect_sms")))),
	}))
	step := keyed(nil, object{"dial": object{"type": "string"}, "press": oneOrMore(anyText), "expect": ref("expect_screen"),
		"at":   about("the screen that a dial begins on, where that is not the menu's first", ref("name")),
		"with": about("the variables that the dialogue knows there", named(nameRule.String(), anyText))})
	step["oneOf"] = []any{object{"required": []string{"dial"}}, object{"required": []string{"press"}}}
	d["step"] = step
	d["cases_file"] = keyed([]string{"cases"}, settings(object{"cases": list(ref("case"), 1, 0)}))
}
