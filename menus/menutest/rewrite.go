package menutest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// edit puts another text in the place of the exact one at line and col.
type edit struct {
	line, col int
	old, text string
}

// rewrite makes the edits and leaves every other octet as it is. Texts of several
// lines become block texts where they stand alone behind their key.
func rewrite(data []byte, edits []edit) ([]byte, error) {
	lines := strings.Split(string(data), "\n")
	slices.SortStableFunc(edits, func(a, b edit) int {
		if a.line != b.line {
			return b.line - a.line
		}
		return b.col - a.col
	})
	for _, e := range edits {
		line := []rune(lines[e.line-1])
		before, from := string(line[:e.col-1]), string(line[e.col-1:])
		if strings.HasPrefix(from, "|") || strings.HasPrefix(from, ">") {
			indent := keyColumn(before)
			end := e.line
			for end < len(lines) && (strings.TrimSpace(lines[end]) == "" || indentOf(lines[end]) > indent) {
				end++
			}
			for end > e.line && strings.TrimSpace(lines[end-1]) == "" {
				end-- // empty lines behind the text belong to the file
			}
			lines = slices.Replace(lines, e.line-1, end, block(before, indent+2, e.text)...)
			continue
		}
		size := scalarLength(from, e.old)
		if size < 0 {
			return nil, fmt.Errorf("%d:%d: a quoted text of several lines is not rewritten: make it a block text (|)", e.line, e.col)
		}
		after := from[size:]
		if strings.Contains(e.text, "\n") && strings.TrimSpace(after) == "" && strings.HasSuffix(before, ": ") && !strings.ContainsAny(before, "{[") {
			lines = slices.Replace(lines, e.line-1, e.line, block(before, keyColumn(before)+2, e.text)...)
			continue
		}
		lines[e.line-1] = before + strconv.Quote(e.text) + after
	}
	return []byte(strings.Join(lines, "\n")), nil
}

// keyColumn is where the key begins that a line ends with: behind "- " too.
func keyColumn(line string) int {
	n := indentOf(line)
	for strings.HasPrefix(line[n:], "- ") {
		n += 2
		n += indentOf(line[n:])
	}
	return n
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// block is a block text behind its key, without a line break at its end.
func block(before string, indent int, text string) []string {
	out := []string{before + "|-"}
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			line = strings.Repeat(" ", indent) + line
		}
		out = append(out, line)
	}
	return out
}

// scalarLength is how many octets of from the value takes, -1 if it goes on in
// the next line.
func scalarLength(from, value string) int {
	switch {
	case from == "":
		return -1
	case from[0] == '"':
		for i := 1; i < len(from); i++ {
			switch from[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return -1
	case from[0] == '\'':
		for i := 1; i < len(from); i++ {
			if from[i] != '\'' {
				continue
			}
			if i+1 < len(from) && from[i+1] == '\'' {
				i++
				continue
			}
			return i + 1
		}
		return -1
	case strings.HasPrefix(from, value):
		return len(value)
	}
	return -1
}
