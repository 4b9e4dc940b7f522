package menus

import (
	"encoding/json"
	"fmt"
	"slices"
)

// object is a JSON object under construction; encoding/json sorts its keys, so
// that the schema is always the same.
type object map[string]any

// Schema is the JSON Schema (draft-07) of the files of a catalog, for editors:
// menus, shared screens, the texts' file, and dialogue tests. It knows the shape
// of the language; what depends on other parts of a file (that a screen exists,
// that a variable has a value) only Load can tell.
func Schema() []byte {
	root := object{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"title":       "Nyota menus",
		"description": "A menu, shared screens, the texts outside the menus, or dialogue tests.",
		"type":        "object",
		"definitions": definitions(),
	}
	file := func(name string, otherwise any) object {
		s := object{"if": object{"required": []string{name}}, "then": ref(name + "_file")}
		if otherwise != nil {
			s["else"] = otherwise
		}
		return s
	}
	for k, v := range file("menu", file("shared", file("cases", ref("texts_file")))) {
		root[k] = v
	}
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("menus: the schema is no JSON: %v", err)) // it is made of maps, lists and texts
	}
	return append(b, '\n')
}

func ref(name string) object { return object{"$ref": "#/definitions/" + name} }

func about(text string, s object) object {
	out := object{"description": text}
	for k, v := range s {
		out[k] = v
	}
	return out
}

func list(of any, least, most int) object {
	s := object{"type": "array", "items": of, "minItems": least}
	if most > 0 {
		s["maxItems"] = most
	}
	return s
}

func words(all ...string) object { return object{"type": "string", "enum": all} }

func text(pattern string) object { return object{"type": "string", "pattern": pattern} }

// keyed is a map with these keys and no others.
func keyed(required []string, keys object) object {
	s := object{"type": "object", "properties": keys, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// named is a map from names that a rule fits to values of one kind.
func named(rule string, of any) object {
	return object{"type": "object", "patternProperties": object{rule: of}, "additionalProperties": false}
}

func either(all ...any) object { return object{"anyOf": all} }

func callNames(action bool) []string {
	return callsThat(func(d *callDef) bool { return d.action == action })
}

func callsThat(fit func(*callDef) bool) []string {
	var all []string
	for i := range callDefs {
		if fit(&callDefs[i]) {
			all = append(all, callDefs[i].name)
		}
	}
	return all
}

func definitions() object {
	d := object{
		"name":     about("small letters, digits and _, a letter first", text(nameRule.String())),
		"key":      about("what is pressed; always in quotes", text("^[0-9*#]{1,3}$")),
		"texts":    about("the text in every language of the menu", named(langRule.String(), object{"type": "string", "minLength": 1})),
		"duration": about("a time with its unit: 4s, 500ms, 5m", text("^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$")),
		"when":     about("a condition over the menu's variables: amount > 1000 && has(name)", object{"type": "string", "minLength": 1, "maxLength": maxCondition}),
		"value":    about("the name of a variable, or a literal behind =", object{"type": "string", "minLength": 1}),
		"bound":    object{"type": []string{"integer", "number", "string"}},
		"length": either(object{"type": "integer", "minimum": 1, "maximum": maxInputLength},
			list(object{"type": "integer", "minimum": 1, "maximum": maxInputLength}, 2, 2)),
		"option": keyed([]string{"id", "label", "go"}, object{
			"id": ref("name"), "label": ref("texts"), "go": about("the screen it leads to", ref("name")), "when": ref("when"),
			"needs":       about("the call without which it cannot be chosen", words(slices.Concat(callNames(true), callNames(false))...)),
			"unavailable": about("the screen it leads to while it cannot be chosen", ref("name")),
			"set":         named(nameRule.String(), ref("value")),
		}),
		"options": list(ref("option"), 1, maxOptions),
		"each":    keyed([]string{"rows", "text", "empty"}, object{"rows": ref("name"), "text": ref("texts"), "empty": ref("texts")}),
		"notices": either(ref("texts"), keyed(nil, sameKeys(noticeOutcomes, ref("texts")))),
		"notify":  keyed(nil, sameKeys([]string{string(RoleCustomer), string(RolePayee), string(RoleAgent)}, ref("notices"))),
		"sms": about("an SMS to the customer, sent when the screen is reached", either(ref("texts"),
			keyed([]string{"text"}, object{"text": ref("texts"), "each": ref("each")}))),
		"refusals": either(ref("name"), keyed([]string{"else"},
			sameKeys(append(slices.Clone(reasonCodes), "else"), ref("name")))),
		"screens": object{"type": "object", "patternProperties": object{nameRule.String(): ref("screen")}, "additionalProperties": false, "minProperties": 1},
		"include": about("files of shared screens, by their names", list(ref("name"), 1, 0)),
	}
	screenDefinitions(d)
	fileDefinitions(d)
	testDefinitions(d)
	return d
}

func sameKeys(keys []string, of any) object {
	out := object{}
	for _, k := range keys {
		out[k] = of
	}
	return out
}

// screenDefinitions are the kinds of screens, each with its own keys.
func screenDefinitions(d object) {
	on := func(outcomes ...string) object {
		keys := sameKeys(outcomes, ref("name"))
		keys["rejected"] = ref("refusals")
		return keyed(outcomes, keys)
	}
	args := func(action bool) object {
		keys := object{}
		for i := range callDefs {
			if callDefs[i].action == action {
				for _, a := range callDefs[i].args {
					keys[a.name] = ref("value")
				}
			}
		}
		return keyed(nil, keys)
	}
	saves := object{}
	for i := range callDefs {
		if !callDefs[i].action {
			for _, r := range callDefs[i].results {
				saves[r.name] = ref("name")
			}
		}
	}
	types := make([]string, 0, len(inputTypes))
	for name := range inputTypes {
		types = append(types, name)
	}
	slices.Sort(types)
	kinds := map[string]struct {
		about    string
		required []string
		keys     object
	}{
		"menu": {"numbered options", []string{"text", "options"}, object{"text": ref("texts"), "options": ref("options")}},
		"message": {"a text, and options if there are any", []string{"text"},
			object{"text": ref("texts"), "each": ref("each"), "options": ref("options"), "sms": ref("sms"),
				"tell": about("offers an SMS when the call that was unavailable can be made again", object{"type": "boolean"})}},
		"end": {"closes the dialogue", []string{"text"}, object{"text": ref("texts"), "each": ref("each"), "sms": ref("sms")}},
		"input": {"asks for something", []string{"text", "var", "type", "next"}, object{
			"text": ref("texts"), "var": ref("name"), "type": words(types...), "min": ref("bound"), "max": ref("bound"), "length": ref("length"),
			"pattern": about("Go's RE2; it must match the whole answer", object{"type": "string", "format": "regex", "maxLength": 200}),
			"choices": list(keyed([]string{"value", "label"}, object{"value": ref("name"), "label": ref("texts")}), 1, maxChoices),
			"same_as": about("the secret that this one must equal", ref("name")), "error": ref("texts"), "next": ref("name"),
		}},
		"confirm": {"asks for a secret, or for yes or no", []string{"text", "next"}, object{
			"text": ref("texts"), "var": ref("name"), "type": words("secret"), "length": ref("length"), "same_as": ref("name"),
			"error": ref("texts"), "next": ref("name"), "no": ref("name"),
		}},
		"list": {"rows of the core, one of which is chosen", []string{"text", "rows", "row", "empty", "next"}, object{
			"text": ref("texts"), "rows": ref("name"), "row": ref("texts"), "empty": ref("texts"),
			"set": named(nameRule.String(), ref("name")), "next": ref("name"),
		}},
		"choose": {"goes on to the first branch whose condition holds", []string{"first", "else"}, object{
			"first": list(keyed([]string{"when", "go"}, object{"when": ref("when"), "go": ref("name")}), 1, maxBranches), "else": ref("name"),
		}},
		"fetch": {"reads from the core", []string{"call", "on"}, object{
			"call": words(callNames(false)...), "with": args(false), "save": keyed(nil, saves),
			"deadline": ref("duration"), "on": object{"type": "object"},
		}},
		"action": {"moves money", []string{"call", "with", "on", "notify"}, object{
			"call": words(callNames(true)...), "with": args(true), "deadline": ref("duration"),
			"on": on("done", "rejected", "unknown", "unavailable"), "notify": ref("notify"),
		}},
	}
	// What a fetch's on: has follows from whether the call changes something.
	d["fetch_on"] = about("the screen of each outcome of what only reads", on("done", "rejected", "unavailable"))
	d["fetch_on_change"] = about("the screen of each outcome of what changes something", on("done", "rejected", "unknown", "unavailable"))
	changes := object{"properties": object{"call": words(callsThat(func(d *callDef) bool { return d.changes })...)}}
	var branches []any
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		k := kinds[name]
		k.keys["kind"] = object{"const": name}
		s := about(k.about, keyed(append([]string{"kind"}, k.required...), k.keys))
		if name == "fetch" {
			s["if"], s["then"], s["else"] = changes, object{"properties": object{"on": ref("fetch_on_change")}}, object{"properties": object{"on": ref("fetch_on")}}
		}
		d["screen_"+name] = s
		branches = append(branches, object{
			"if": object{"properties": object{"kind": object{"const": name}}, "required": []string{"kind"}}, "then": ref("screen_" + name),
		})
	}
	d["screen"] = object{
		"type": "object", "required": []string{"kind"},
		"properties": object{"kind": words(names...)}, "allOf": branches,
	}
}

// fileDefinitions are the files of menus, of shared screens and of texts.
func fileDefinitions(d object) {
	texts, own := object{}, object{}
	for id := range systemDefs {
		name := systemDefs[id].name
		texts[name] = ref("texts")
		if menuMayChange(sysText(id)) {
			own[name] = ref("texts")
		}
	}
	d["menu_file"] = keyed([]string{"menu", "codes", "languages", "start", "screens"}, object{
		"menu":      ref("name"),
		"include":   ref("include"),
		"codes":     about("what is dialled; always in quotes", list(text(codeRule.String()), 0, 0)),
		"keywords":  about("SMS that open the menu", list(text(keywordRule.String()), 1, 0)),
		"languages": about("the first is the default", list(text(langRule.String()), 1, 0)),
		"start":     about("the screen that a dialogue begins on", ref("name")),
		"keys":      keyed(nil, sameKeys([]string{"back", "home", "more"}, ref("key"))),
		"tries":     about("wrong answers in a row that end the dialogue", object{"type": "integer", "minimum": 1, "maximum": 20}),
		"resume": about("what a dial does after a dialogue that broke off", keyed([]string{"mode"}, object{
			"mode": words("ask", "continue", "restart"), "within": ref("duration")})),
		"again": about("the same action a second time", keyed(nil, object{
			"within": about("how long one that is done counts; 10m", ref("duration")), "key": about("the key that does it all the same; \"9\"", ref("key"))})),
		"maintenance": object{"type": "boolean"},
		"texts":       keyed(nil, own),
		"aliases": about("shortcuts behind the code, by ids of options", named(aliasRule.String(), keyed([]string{"path"}, object{
			"path": list(ref("name"), 1, maxPath), "fill": list(ref("name"), 1, maxFill)}))),
		"screens": ref("screens"),
	})
	d["shared_file"] = keyed([]string{"shared", "screens"}, object{"shared": ref("name"), "include": ref("include"), "screens": ref("screens")})
	d["texts_file"] = keyed([]string{"texts", "reasons"}, object{
		"texts":       keyed(nil, texts),
		"reasons":     keyed(slices.Clone(reasonCodes), sameKeys(reasonCodes, ref("texts"))),
		"kinds":       named(nameRule.String(), ref("texts")),
		"maintenance": object{"type": "boolean"},
	})
}
