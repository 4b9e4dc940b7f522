package ledger_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// dice decides what happens where more than one thing can.
type dice interface {
	// pick returns the place of one of names. The first is what happens on a good
	// day; in often of a hundred cases it is another, all as likely. With often at
	// 100 they are all as likely, the first too.
	pick(label string, names []string, often int) int
}

// drawn are dice that rapid throws, and shrinks to good days.
type drawn struct{ *rapid.T }

// upTo are generators of a number from 0, or from 1, to below n.
var upTo, fromOne [101]*rapid.Generator[int]

func init() {
	all := make([]int, len(upTo))
	for i := range all {
		all[i] = i
		if i > 0 {
			upTo[i] = rapid.SampledFrom(all[:i])
		}
		if i > 1 {
			fromOne[i] = rapid.SampledFrom(all[1:i])
		}
	}
}

func (d drawn) pick(label string, names []string, often int) int {
	if often >= 100 {
		return upTo[len(names)].Draw(d.T, label)
	}
	if often <= 0 || upTo[100].Draw(d.T, label+"?") < 100-often {
		return 0
	}
	return fromOne[len(names)].Draw(d.T, label)
}

// A story is what happened, an event a line: its name, and behind it what was not
// as on a good day, as label=name. The second draw with a label in one event is
// label@2, and so on. A story that a failure prints is a story that can be read
// again.
type story struct {
	lines []string
	seen  map[string]int // draws by label, in this event
}

// note adds a draw.
func (s *story) note(label, name string, good bool) {
	if label == "what" {
		s.lines, s.seen = append(s.lines, name), map[string]int{}
		return
	}
	if s.seen == nil {
		s.lines, s.seen = append(s.lines, ""), map[string]int{}
	}
	s.seen[label]++
	if !good {
		s.lines[len(s.lines)-1] += " " + place(label, s.seen[label]) + "=" + name
	}
}

func place(label string, n int) string {
	if n > 1 {
		label = fmt.Sprintf("%s@%d", label, n)
	}
	return label
}

func (s *story) String() string { return strings.Join(s.lines, "\n") + "\n" }

// told are dice that a story throws.
type told struct {
	lines []string
	rest  map[string]string // of the present event
	seen  map[string]int
	wrong []string // what of the story cannot happen
}

// read returns a story's dice. Lines that begin with # are about it.
func read(text string) *told {
	d := &told{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			d.lines = append(d.lines, line)
		}
	}
	return d
}

func (d *told) pick(label string, names []string, _ int) int {
	name := ""
	if label == "what" {
		d.left()
		words := strings.Fields(d.lines[0])
		d.lines, d.seen, d.rest = d.lines[1:], map[string]int{}, map[string]string{}
		for _, w := range words[1:] {
			k, v, _ := strings.Cut(w, "=")
			d.rest[k] = v
		}
		name = words[0]
	} else {
		d.seen[label]++
		at := place(label, d.seen[label])
		given := false
		if name, given = d.rest[at]; !given {
			return 0
		}
		delete(d.rest, at)
	}
	i := slices.Index(names, name)
	if i < 0 {
		d.wrong = append(d.wrong, label+"="+name)
		return 0
	}
	return i
}

// left notes what nothing asked for in the event that is over.
func (d *told) left() {
	for k, v := range d.rest {
		d.wrong = append(d.wrong, k+"="+v)
	}
	d.rest = nil
}
