package phone

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"nyota/gateway/simulator"
)

// show prints a line of the transcript, and says whether the next line may follow.
func (s *session) show(e simulator.Entry) bool {
	switch e.Kind {
	case simulator.KindDial, simulator.KindAnswer:
		if !s.prompts {
			s.say("> %s\n", e.Text)
		}
		return false
	case simulator.KindAsk, simulator.KindNotice, simulator.KindEnd:
		s.screen(e)
	case simulator.KindSMS:
		s.say("%sSMS: %s\n", map[bool]string{true: "\n"}[s.prompts], e.Text)
	case simulator.KindTimeout, simulator.KindError:
		s.trouble(e.Text + " (" + e.Detail + ")")
	}
	return true
}

// screen prints a screen: as a phone, or plainly for a script.
func (s *session) screen(e simulator.Entry) {
	about := e.Screen
	if e.Size.Limit > 0 {
		unit := "septets"
		if e.Size.Encoding == "ucs2" {
			unit = "UCS-2"
		}
		about = strings.TrimSpace(fmt.Sprintf("%s %d/%d %s", about, e.Size.Units, e.Size.Limit, unit))
	}
	if e.Kind == simulator.KindEnd {
		about += ", ended"
	}
	if !s.prompts {
		s.say("< %s\n%s\n", about, e.Text)
		return
	}
	const least = 26
	rows := strings.Split(e.Text, "\n")
	var folded []string
	for _, r := range rows {
		folded = append(folded, fold(r, 38)...)
	}
	wide := max(least, columns(about)+1)
	for _, r := range folded {
		wide = max(wide, columns(r))
	}
	s.say("┌%s┐\n", strings.Repeat("─", wide+2))
	for _, r := range folded {
		s.say("│ %s%s │\n", r, strings.Repeat(" ", wide-columns(r)))
	}
	s.say("└─ %s %s┘\n", about, strings.Repeat("─", max(0, wide-columns(about)-1)))
}

// columns is how wide a text is in a terminal, as far as menus are concerned.
func columns(s string) int {
	n := 0
	for _, r := range s {
		if !unicode.Is(unicode.Mn, r) {
			n++
		}
	}
	return n
}

// fold breaks a line at spaces.
func fold(line string, most int) []string {
	var out []string
	rest := ""
	for word := range strings.SplitSeq(line, " ") {
		switch {
		case rest == "":
			rest = word
		case utf8.RuneCountInString(rest)+1+utf8.RuneCountInString(word) <= most:
			rest += " " + word
		default:
			out = append(out, rest)
			rest = word
		}
	}
	return append(out, rest)
}
