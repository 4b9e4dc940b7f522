package menus

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

// What USSD is full of, YAML takes for something else: each is caught where it
// stands, with what to write instead.
func TestYAMLsTrapsAreCaughtWithTheFixWrittenOut(t *testing.T) {
	const rest = "languages: [en]\nstart: a\nscreens:\n  a: {kind: menu, text: {en: x}, options: [{id: o, label: {en: y}, go: b}]}\n"
	end := func(text string) string {
		return "menu: m\ncodes: [\"*1#\"]\n" + rest + "  b:\n    kind: end\n    text: " + text + "\n"
	}
	for _, tt := range []struct{ name, file, at, fix string }{
		{"a code in a list", "menu: m\ncodes: [*123#]\n" + rest, "m.yaml:2:9: code-unquoted", `write "*123#"`},
		{"a code in a list of lines", "menu: m\ncodes:\n  - *150*00#\n" + rest, "m.yaml:3:5: code-unquoted", `write "*150*00#"`},
		{"a code alone", "menu: m\ncodes: *123#\n" + rest, "m.yaml:2:8: code-unquoted", `write "*123#"`},
		{"a code in a text", end("{en: *150*00#}"), "m.yaml:9:16: code-unquoted", `write "*150*00#"`},
		{"the key 00", "menu: m\ncodes: [\"*1#\"]\nkeys: {home: 00}\n" + rest, "m.yaml:3:14: number-unquoted", `write "00"`},
		{"the key 0", "menu: m\ncodes: [\"*1#\"]\nkeys: {back: 0}\n" + rest, "m.yaml:3:14: number-unquoted", `write "0"`},
		{"the key #", "menu: m\ncodes: [\"*1#\"]\nkeys:\n  back: #\n" + rest, "m.yaml:4:8: text-cut", `write "#" in quotes`},
		{"the key # in braces", "menu: m\ncodes: [\"*1#\"]\nkeys: {back: #, home: \"00\"}\n" + rest, "m.yaml:3:14: text-cut", `put the text into quotes: "#"`},
		{"a phone number", end("{en: 0772123456}"), "m.yaml:9:16: number-unquoted", `write "0772123456"`},
		{"a hash in a text", end("\n      en: Pay # now"), "m.yaml:10:11: text-cut", `write "Pay # now", or "Pay" if the comment is one`},
		{"a hash in a text in braces", end("{en: Pay # now}"), "m.yaml:9:20: text-cut", `put the text into quotes: "Pay # now"`},
		{"a hash in a text without languages", end("Pay # now"), "m.yaml:9:11: text-cut", `write {en: "Pay # now"}, with every language`},
		{"yes as an id", "menu: m\ncodes: [\"*1#\"]\n" + strings.Replace(rest, "id: o", "id: true", 1), "m.yaml:6:49: number-unquoted", `write "true"`},
		{"a colon in a text", end("\n      en: Fee: 50"), "m.yaml:10:", `put a text that contains ": " into quotes`},
		{"a comma in a text", end("{en: Pay TZS 5,000}"), "unknown-language", "a text with a comma in it must be in quotes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(fstest.MapFS{"m.yaml": {Data: []byte(tt.file)}, "texts.yaml": {Data: textsFile(t)}}, DefaultEnv())
			var ps Problems
			if !errors.As(err, &ps) {
				t.Fatalf("loaded: %v", err)
			}
			for _, p := range ps {
				if strings.Contains(p.String(), tt.at) && strings.Contains(p.Fix, tt.fix) {
					return
				}
			}
			t.Errorf("no %q with the fix %q in:\n%v", tt.at, tt.fix, ps)
		})
	}
}

func TestACommentBehindAWholeLineIsNoTrap(t *testing.T) {
	for _, line := range []string{`a: {b: "x # y"} # comment {`, `a: [1, 2] # list]`, `# {a: b}`, `a: 'it''s # no' # {x}`, `a: b#c {`} {
		if at, open := commentAt(line); at >= 0 && open {
			t.Errorf("%q: open at %d", line, at)
		}
	}
	if at, open := commentAt("text: {en: Pay # now}"); at != 15 || !open {
		t.Errorf("%d %v", at, open)
	}
}
