package menutest

import (
	"strings"
	"unicode/utf8"
)

// phoneWidth is the characters of a line of a drawn phone.
const phoneWidth = 30

// Phones draws two texts as the screens of two phones side by side. Lines that
// differ have a mark between them.
func Phones(expected, actual string) string {
	left, right := wrap(expected), wrap(actual)
	var b strings.Builder
	edge := strings.Repeat("─", phoneWidth+2)
	b.WriteString(pad("  expected", phoneWidth+4) + "     " + "  actual\n")
	b.WriteString("╭" + edge + "╮     ╭" + edge + "╮\n")
	for i := range max(len(left), len(right)) {
		l, r := at(left, i), at(right, i)
		mark := "     "
		if l != r {
			mark = "  ≠  "
		}
		b.WriteString("│ " + pad(l, phoneWidth) + " │" + mark + "│ " + pad(r, phoneWidth) + " │\n")
	}
	b.WriteString("╰" + edge + "╯     ╰" + edge + "╯\n")
	return b.String()
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-utf8.RuneCountInString(s), 0))
}

// wrap breaks a text into lines of a phone, at spaces where there are any.
func wrap(text string) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		r := []rune(line)
		for len(r) > phoneWidth {
			cut := phoneWidth
			for i := phoneWidth; i > phoneWidth/2; i-- {
				if r[i] == ' ' {
					cut = i
					break
				}
			}
			out = append(out, string(r[:cut]))
			r = r[cut:]
			if r[0] == ' ' {
				r = r[1:]
			}
		}
		out = append(out, string(r))
	}
	return out
}
