package graph

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"nyota/menus"
)

// Mermaid writes the flow of each menu as a Mermaid flowchart, texts in a
// language.
func Mermaid(w io.Writer, lang string, programs ...*menus.Program) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for _, p := range programs {
		fmt.Fprintf(&b, "  subgraph %s[\"%s\"]\n", p.Menu(), mermaidText(p.Menu()+" "+strings.Join(p.Codes(), " ")))
		flow := p.Flow(lang)
		for _, s := range flow {
			id, text := p.Menu()+"_"+s.ID, mermaidText(describe(s))
			switch {
			case shapeOf(s) == fork:
				fmt.Fprintf(&b, "    %s{\"%s\"}\n", id, text)
			case shapeOf(s) == call:
				fmt.Fprintf(&b, "    %s[[\"%s\"]]\n", id, text)
			case s.Kind == "end":
				fmt.Fprintf(&b, "    %s([\"%s\"])\n", id, text)
			default:
				fmt.Fprintf(&b, "    %s[\"%s\"]\n", id, text)
			}
		}
		for _, s := range flow {
			for _, to := range merged(s.Ways) {
				fmt.Fprintf(&b, "    %s_%s -- \"%s\" --> %s_%s\n", p.Menu(), s.ID, mermaidText(names(to)), p.Menu(), to[0].To)
			}
		}
		b.WriteString("  end\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaidText makes a text fit for a label in quotes.
func mermaidText(s string) string {
	return strings.NewReplacer("#", "#35;", "\"", "#quot;", "<", "#lt;", ">", "#gt;", "\n", "<br/>", "`", "#96;").Replace(s)
}

// DOT writes the flow of each menu in the language of Graphviz, texts in a
// language.
func DOT(w io.Writer, lang string, programs ...*menus.Program) error {
	var b strings.Builder
	b.WriteString("digraph menus {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"monospace\", fontsize=10];\n  edge [fontname=\"monospace\", fontsize=9];\n")
	for _, p := range programs {
		fmt.Fprintf(&b, "  subgraph %s {\n    label=%s;\n", strconv.Quote("cluster_"+p.Menu()), dotText(p.Menu()+" "+strings.Join(p.Codes(), " ")))
		flow := p.Flow(lang)
		for _, s := range flow {
			extra := ""
			switch {
			case shapeOf(s) == fork:
				extra = ", shape=diamond, style=solid"
			case shapeOf(s) == call:
				extra = ", shape=component, style=solid"
			case s.Kind == "end":
				extra = ", style=\"rounded,bold\""
			}
			fmt.Fprintf(&b, "    %s [label=%s%s];\n", strconv.Quote(p.Menu()+"."+s.ID), dotText(describe(s)), extra)
		}
		for _, s := range flow {
			for _, to := range merged(s.Ways) {
				fmt.Fprintf(&b, "    %s -> %s [label=%s];\n", strconv.Quote(p.Menu()+"."+s.ID), strconv.Quote(p.Menu()+"."+to[0].To), dotText(names(to)))
			}
		}
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// dotText is a text in quotes, its lines set to the left.
func dotText(s string) string {
	s = strings.NewReplacer("\\", "\\\\", "\"", "\\\"").Replace(s)
	if strings.Contains(s, "\n") {
		s = strings.ReplaceAll(s, "\n", "\\l") + "\\l"
	}
	return "\"" + s + "\""
}

// describe is a screen in words: its name, and what stands on it.
func describe(s menus.ScreenInfo) string {
	out := []string{s.ID}
	if s.Call != "" {
		out = append(out, s.Kind+" "+s.Call)
	}
	if s.Text != "" {
		out = append(out, wrap(s.Text, 32)...)
	}
	if s.Rows != "" {
		out = append(out, wrap(s.Rows, 32)...)
	}
	number := 0
	for _, w := range s.Ways {
		if w.Option {
			number++
			line := strconv.Itoa(number) + " " + w.Label
			if w.When != "" {
				line += " (if " + w.When + ")"
			}
			out = append(out, line)
		}
	}
	for i, choice := range s.Choices {
		out = append(out, strconv.Itoa(i+1)+" "+choice)
	}
	if s.Type != "" {
		out = append(out, "["+s.Type+"]")
	}
	return strings.Join(out, "\n")
}

// merged are ways by the screens they lead to, in the order of the first.
func merged(ways []menus.Way) [][]menus.Way {
	var out [][]menus.Way
	place := map[string]int{}
	for _, w := range ways {
		i, ok := place[w.To]
		if !ok {
			i = len(out)
			place[w.To] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], w)
	}
	return out
}
