package graph

import (
	"strconv"
	"strings"
	"unicode"

	"nyota/menus"
)

// shape is how a screen is drawn.
type shape uint8

const (
	phone shape = iota // what a customer sees
	call               // a call of the core
	fork               // a choice without a screen
)

func shapeOf(s menus.ScreenInfo) shape {
	switch {
	case s.Call != "":
		return call
	case s.Kind == "choose":
		return fork
	}
	return phone
}

// Sizes of what is drawn, in pixels. The letters are of one width.
const (
	columns    = 26 // letters of a phone's line
	letter     = 6.6
	lineHeight = 15
	padding    = 9
	titleRoom  = 20 // above a phone: its name
	bezel      = 14 // of a phone, above the text; below it half
	nodeWidth  = columns*letter + 2*padding
	headRoom   = 24 // of a call: its name
	inlet      = titleRoom + 12
)

// textLine is one line on a phone.
type textLine struct {
	text  string
	port  int // the index of the port that begins here, -1 if none does
	input bool
	faint bool
}

// lines are what stands on a phone.
func (n *node) lines() []textLine {
	var out []textLine
	add := func(text string, port int, faint bool) {
		for i, l := range wrap(text, columns) {
			if i > 0 {
				port = -1
			}
			out = append(out, textLine{text: l, port: port, faint: faint})
		}
	}
	add(n.info.Text, -1, false)
	if n.info.Rows != "" {
		number := ""
		if n.info.Kind == "list" {
			number = "1 "
		}
		add(number+n.info.Rows, -1, true)
		add("⋮", -1, true)
	}
	numbers := 0
	for i, p := range n.ports {
		for _, w := range p.ways {
			if w.Option {
				numbers++
				add(strconv.Itoa(numbers)+" "+w.Label, i, false)
				if w.When != "" {
					add("if "+w.When, -1, true)
				}
			}
		}
	}
	for i, choice := range n.info.Choices {
		add(strconv.Itoa(i+1)+" "+choice, -1, false)
	}
	if n.info.Type != "" {
		what := n.info.Type
		if what == "secret" {
			what = "••••"
		}
		out = append(out, textLine{text: what, port: -1, input: true})
	}
	for i := range out {
		if out[i].input || i == len(out)-1 {
			for k, p := range n.ports {
				if !p.ways[0].Option && out[i].port < 0 {
					out[i].port = k
				}
			}
			break
		}
	}
	return out
}

// rows are the outcomes of a call or the branches of a choice, by ports.
func (p port) rows() []string {
	names := make([]string, len(p.ways))
	for i, w := range p.ways {
		names[i] = strings.TrimPrefix(w.Name, menus.WayRejected+" ")
		switch {
		case w.Name == menus.WayRejected:
			names[i] = "rejected: else"
		case w.When != "":
			names[i] = w.When
		}
	}
	return wrap(strings.Join(names, ", "), columns-2)
}

// measure gives a node its size, and its ports their heights.
func (n *node) measure() {
	n.w = nodeWidth
	if n.shape == phone {
		y := float64(titleRoom + bezel)
		for _, l := range n.lines() {
			if l.port >= 0 {
				n.ports[l.port].dy = y + lineHeight/2
			}
			y += lineHeight
		}
		n.h = y + bezel
		return
	}
	y := float64(headRoom + 4)
	for i := range n.ports {
		size := float64(len(n.ports[i].rows())*lineHeight + 3)
		n.ports[i].dy = y + size/2
		y += size
	}
	n.h = y + 4
}

// width is how many columns a letter takes.
func width(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x1200 && r <= 0x137f, r >= 0x2e80 && r <= 0xffdc:
		return 2
	}
	return 1
}

func textWidth(s string) int {
	n := 0
	for _, r := range s {
		n += width(r)
	}
	return n
}

// wrap breaks a text at spaces into lines of at most so many columns.
func wrap(text string, columns int) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		rest := ""
		for word := range strings.SplitSeq(line, " ") {
			switch {
			case rest == "":
				rest = word
			case textWidth(rest)+1+textWidth(word) <= columns:
				rest += " " + word
			default:
				out = append(out, rest)
				rest = word
			}
			for textWidth(rest) > columns { // a word longer than the line
				cut, taken := 0, 0
				for i, r := range rest {
					if taken+width(r) > columns {
						break
					}
					taken += width(r)
					cut = i + len(string(r))
				}
				out = append(out, rest[:cut])
				rest = rest[cut:]
			}
		}
		out = append(out, rest)
	}
	return out
}
