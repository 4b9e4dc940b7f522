package menus

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// longMenu has a long text, an input behind it, a list of many options and a
// long end.
func longMenu(t testing.TB, text string) *Program {
	t.Helper()
	var s strings.Builder
	s.WriteString("menu: long\ncodes: [\"*5#\"]\nlanguages: [en, sw]\nstart: home\nscreens:\n  home:\n    kind: menu\n    text: {en: Home, sw: Mwanzo}\n    options:\n")
	for i := 1; i <= 30; i++ {
		fmt.Fprintf(&s, "      - {id: o%d, label: {en: Option number %d, sw: Chaguo namba %d}, go: terms}\n", i, i, i)
	}
	fmt.Fprintf(&s, "  terms: {kind: confirm, text: {en: %q, sw: %q}, next: bye, no: home}\n", text, text)
	fmt.Fprintf(&s, "  bye: {kind: end, text: {en: %q, sw: %q}}\n", text, text)
	c, err := Load(fstest.MapFS{"long.yaml": {Data: []byte(s.String())}, "texts.yaml": {Data: textsFile(t)}}, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Program("long")
	return p
}

// body is a screen without its keys.
func body(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line != "0 Back" && line != "00 Main menu" && line != "98 More" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestLongScreensPageThemselvesAndLoseNothing(t *testing.T) {
	words := strings.TrimSpace(strings.Repeat("Terms and {{conditions}} apply to all of it. ", 12))
	shown := strings.NewReplacer("{{", "{", "}}", "}").Replace(words)
	for name, tt := range map[string]struct {
		text, shown string
		limits      Limits
	}{
		"septets":        {words, shown, Limits{}},
		"UCS-2":          {words + " 😀 ç", shown + " 😀 ç", Limits{}},
		"narrow":         {words, shown, Limits{Septets: MinSeptets, UCS2: MinUCS2}},
		"narrow UCS-2":   {words + " ኢ", shown + " ኢ", Limits{Septets: MinSeptets, UCS2: MinUCS2}},
		"one long word":  {strings.Repeat("x", 500), strings.Repeat("x", 500), Limits{}},
		"many line ends": {strings.Repeat("ab\n\n", 100) + "end", "", Limits{}},
	} {
		t.Run(name, func(t *testing.T) {
			k := &talk{t: t, p: longMenu(t, tt.text), visited: map[string]bool{}, limits: tt.limits}
			k.begin("en")
			k.do("30") // an option's number works from any page
			var pages []string
			for {
				s := k.turn.Screen
				pages = append(pages, body(s.Text))
				if s.Page != len(pages) {
					t.Fatalf("page %d is number %d", len(pages), s.Page)
				}
				if s.Page == s.Pages {
					break
				}
				if !strings.HasSuffix(s.Text, "\n98 More") {
					t.Fatalf("no way on from %q", s.Text)
				}
				k.do("98")
			}
			if strings.Contains(k.turn.Screen.Text, "98 More") {
				t.Error("the last page offers more")
			}
			fields := strings.Fields(strings.Join(pages, " "))
			if name == "one long word" {
				fields = strings.Fields(strings.Join(pages, ""))
				fields[0] = strings.TrimSuffix(fields[0], "1")
			}
			got := strings.Join(fields, " ")
			want := strings.Join(strings.Fields(tt.shown+" 1 Yes 2 No"), " ")
			if tt.shown != "" && name != "one long word" && got != want {
				t.Errorf("the pages together read\n%s\nwant\n%s", got, want)
			}
			if name == "one long word" && strings.Count(got, "x") != 500 {
				t.Errorf("%d of 500 letters", strings.Count(got, "x"))
			}
			last := len(pages)
			k.do("0")
			if k.turn.Screen.ID != "terms" || k.turn.Screen.Page != last-1 {
				t.Errorf("back on page %d led to %q page %d", last, k.turn.Screen.ID, k.turn.Screen.Page)
			}
			k.do("1")
			for range last + 1 {
				if k.turn.End {
					break
				}
				k.do("98")
			}
			if !k.turn.End || k.turn.Screen.ID != "bye" {
				t.Error("the long end does not end")
			}
		})
	}
}

func TestOptionsFlowOverPagesAtTheEndsOfLines(t *testing.T) {
	k := &talk{t: t, p: longMenu(t, "Terms"), visited: map[string]bool{}}
	k.begin("en")
	seen := 0
	for {
		for line := range strings.SplitSeq(body(k.turn.Screen.Text), "\n") {
			if line == "Home" {
				continue
			}
			seen++
			if want := fmt.Sprintf("%d Option number %d", seen, seen); line != want {
				t.Fatalf("the line is %q, want %q", line, want)
			}
		}
		if k.turn.Screen.Page == k.turn.Screen.Pages {
			break
		}
		k.do("98")
	}
	if seen != 30 {
		t.Errorf("%d options", seen)
	}
}

func TestAWrongKeyOnALongScreenHidesNothing(t *testing.T) {
	k := &talk{t: t, p: longMenu(t, "Terms"), visited: map[string]bool{}}
	k.begin("en")
	k.do("77")
	all := ""
	for {
		all += k.turn.Screen.Text + "\n"
		if k.turn.Screen.Page == k.turn.Screen.Pages {
			break
		}
		k.do("98")
	}
	for i := 1; i <= 30; i++ {
		if !strings.Contains(all, fmt.Sprintf("%d Option number %d\n", i, i)) {
			t.Errorf("option %d is on no page", i)
		}
	}
}
