package menus

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// loadMany loads n screens with one text replaced in the file.
func loadMany(t *testing.T, n int, old, changed string) Problems {
	t.Helper()
	fsys := manyScreens(n)
	if !bytes.Contains(fsys["big.yaml"].Data, []byte(old)) {
		t.Fatalf("the file has no %q", old)
	}
	fsys["big.yaml"].Data = bytes.Replace(fsys["big.yaml"].Data, []byte(old), []byte(changed), 1)
	fsys["texts.yaml"] = &fstest.MapFile{Data: textsFile(t)}
	_, err := Load(fsys, DefaultEnv())
	var ps Problems
	if err != nil && !errors.As(err, &ps) {
		t.Fatal(err)
	}
	return ps
}

func TestALargeFileIsReadLikeASmallOne(t *testing.T) {
	const screens, at = 1000, 700 // of them, and the one that is changed
	line := 5 + at*5
	for _, tt := range []struct {
		name, old, changed, want string
	}{
		{"nothing wrong", "s3:", "s3:", ""},
		{"an unknown screen", "go: s701}", "go: t701}", fmt.Sprintf("big.yaml:%d:51: unknown-screen", line+5)},
		{"a screen that is there twice", "  s700:", "  s699:", fmt.Sprintf("big.yaml:%d:3: duplicate-key", line+1)},
		{"a syntax error", `Screen 700"`, `Screen 700`, fmt.Sprintf("big.yaml:%d:", line+3)},
		{"an alias", "Next, sw: Mbele}, go: s701", "*701#, sw: Mbele}, go: s701", fmt.Sprintf("big.yaml:%d:29: code-unquoted", line+5)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ps := loadMany(t, screens, tt.old, tt.changed)
			if tt.want == "" {
				if len(ps) > 0 {
					t.Fatal(ps)
				}
				return
			}
			if len(ps) == 0 || !strings.Contains(ps.Error(), tt.want) {
				t.Errorf("want %s, got\n%.600s", tt.want, ps.Error())
			}
		})
	}
}

func TestALargeFileKeepsWhatStandsAroundItsScreens(t *testing.T) {
	fsys := manyScreens(600)
	data := fsys["big.yaml"].Data
	data = append(data, "\n# The rest.\ntries: 3\nkeywords: [BIG]\n"...)
	data = bytes.Replace(data, []byte("  s300:\n"), []byte("\n  # A comment between screens.\n  s300:\n"), 1)
	c, err := Load(fstest.MapFS{"big.yaml": {Data: data}, "texts.yaml": {Data: textsFile(t)}}, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	p, _, ok := c.Keyword("big")
	if !ok || p.tries != 3 || len(p.screens) != 600 {
		t.Errorf("%v, %d tries, %d screens", ok, p.tries, len(p.screens))
	}
}

func TestALargeFileOfAnotherSystemIsReadInPartsToo(t *testing.T) {
	data := bytes.ReplaceAll(manyScreens(600)["big.yaml"].Data, []byte("\n"), []byte("\r\n"))
	l := &loader{}
	root := l.parseInParts(&file{name: "big.yaml", lines: strings.Split(string(data), "\n")})
	if len(l.problems) > 0 || len(root.get("screens").entries) != 600 {
		t.Fatalf("%d screens, %v", len(root.get("screens").entries), l.problems)
	}
	if e := root.get("screens").entries[300]; e.key.text != "s300" || e.key.line != 6+300*5 || e.val.get("kind").text != "menu" {
		t.Errorf("screen 300 is %q in line %d", e.key.text, e.key.line)
	}
}

func TestWhatIsWrongInAScreenThatIsThereTwiceIsNotReported(t *testing.T) {
	for _, n := range []int{20, 1000} { // as a whole, and in parts
		fsys := manyScreens(n)
		data := append(fsys["big.yaml"].Data, "  s3:\n    kind: menu\n    kind: menu\n"...)
		_, err := Load(fstest.MapFS{"big.yaml": {Data: data}, "texts.yaml": {Data: textsFile(t)}}, DefaultEnv())
		var ps Problems
		if !errors.As(err, &ps) || len(ps) != 1 || ps[0].Code != "duplicate-key" || ps[0].Line != 6+n*5 || !strings.Contains(ps[0].Message, "line 21") {
			t.Errorf("%d screens: %v", n, err)
		}
	}
}

func TestFixesStayShortHoweverManyNamesThereAre(t *testing.T) {
	l := &loader{guesses: maxGuesses - 3}
	if got := l.suggest("amont", []string{"to", "amount", "fee"}, "no"); got != `did you mean "amount"?` {
		t.Error(got)
	}
	if got := l.suggest("amont", []string{"to", "amount", "fee"}, "no"); got != "no" {
		t.Errorf("beyond the bound: %s", got)
	}
	names := make([]string, 25)
	for i := range names {
		names[i] = fmt.Sprintf("n%d", i)
	}
	if got := orNone(names); !strings.HasSuffix(got, "n18, n19 and 5 more") {
		t.Error(got)
	}
}

func TestTheNearestNameIsProposed(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"amount", "amount", 0}, {"amont", "amount", 1}, {"amuont", "amount", 1}, {"mount", "amount", 1}, {"amounts", "amount", 1},
		{"", "ab", 2}, {"kitten", "sitting", 3}, {strings.Repeat("a", 200), strings.Repeat("a", 199) + "b", 1},
	} {
		if got := distance(tt.a, tt.b, 9); got != tt.want {
			t.Errorf("%q and %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
	if got := distance("a", "abcdef", 3); got != 3 {
		t.Errorf("beyond the limit: %d", got)
	}
}
