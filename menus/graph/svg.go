package graph

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"

	"nyota/menus"
)

const style = `
text{font:11px "DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#14213d}
.title{font-weight:bold;font-size:11px}
.kind{fill:#8a94a6;font-size:10px}
.menu{font:bold 22px system-ui,"DejaVu Sans",sans-serif}
.sub{font:13px system-ui,"DejaVu Sans",sans-serif;fill:#5c677d}
.body{fill:#2b3345}.end .body{fill:#7a1f2b}
.start .body{fill:#14532d}
.glass{fill:#eef5e4}
.faint{fill:#7a8699}
.v{fill:#0b5fa5}
.field{fill:#fff;stroke:#9aa5b4}
.call .box{fill:#e8f1fb;stroke:#4c86c6}.call .head{fill:#4c86c6}
.action .box{fill:#fdf0df;stroke:#d98324}.action .head{fill:#d98324}
.fork .box{fill:#f1eafa;stroke:#8457c2}.fork .head{fill:#8457c2}
.head-text{fill:#fff;font-weight:bold}
.rule{stroke:#c9d3df;stroke-width:.7}
.way{fill:none;stroke:#5c677d;stroke-width:1.4}
.way:hover{stroke:#e63946;stroke-width:3}
.port{fill:#5c677d}
.label{font-size:10px;fill:#3d4a5f;paint-order:stroke;stroke:#fbfcfe;stroke-width:4px;stroke-linejoin:round}
.tag text{font-size:10px;fill:#3f4b5f}.tag rect{fill:#fff;stroke:#b9c3d0}.tag.back text{fill:#8d5a00}.tag.back rect{fill:#fff8e8;stroke:#e0c080}
a:hover rect{stroke:#e63946}
:target .body,:target .box{stroke:#e63946;stroke-width:4}
`

// SVG draws the flow of each menu, one below the other, with the texts in a
// language: a picture without scripts, fonts or parts from elsewhere. Ways to
// screens that many lead to, and ways back, are tags with the screen's name: a
// click on one goes there.
func SVG(w io.Writer, lang string, programs ...*menus.Program) error {
	d := &drawing{}
	y, right := float64(margin), 0.0
	for _, p := range programs {
		f := build(p, lang)
		f.layout()
		bottom, width := d.flow(f, y)
		y, right = bottom+margin, max(right, width)
	}
	out := fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n", right+margin, y, right+margin, y) +
		"<style>" + style + "</style>\n" +
		"<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#5c677d\"/></marker></defs>\n" +
		"<rect width=\"100%\" height=\"100%\" fill=\"#fbfcfe\"/>\n" + d.b.String() + "</svg>\n"
	_, err := io.WriteString(w, out)
	return err
}

// tagColumns is the longest name that a tag has room for.
const tagColumns = 17

type drawing struct{ b strings.Builder }

func (d *drawing) f(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

func esc(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder has no errors
	return b.String()
}

// text writes one line, with {variables} in a colour of their own.
func (d *drawing) text(x, y float64, class, s string) {
	d.f("<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" xml:space=\"preserve\">", x, y, class)
	for s != "" {
		open := strings.IndexByte(s, '{')
		end := strings.IndexByte(s, '}')
		if open < 0 || end < open {
			d.f("%s", esc(s))
			break
		}
		d.f("%s<tspan class=\"v\">%s</tspan>", esc(s[:open]), esc(s[open:end+1]))
		s = s[end+1:]
	}
	d.f("</text>\n")
}

// flow draws one menu below y, and says where it ends.
func (d *drawing) flow(f *flow, y float64) (bottom, right float64) {
	p := f.program
	d.f("<text x=\"%d\" y=\"%.1f\" class=\"menu\">%s</text>\n", margin, y+14, esc(p.Menu()))
	d.f("<text x=\"%d\" y=\"%.1f\" class=\"sub\">%s</text>\n", margin, y+34, esc(fmt.Sprintf("%s · %d screens", strings.Join(p.Codes(), ", "), len(f.nodes))))
	y += 56
	bottom = y
	for _, n := range f.nodes {
		if !n.hub {
			n.x, n.y = n.x+margin, n.y+y
			bottom, right = max(bottom, n.y+n.h), max(right, n.x+n.w+gapX)
		}
	}
	for _, l := range f.lines {
		for _, v := range l.via {
			v.x, v.y = v.x+margin, v.y+y
		}
	}
	if len(f.hubs) > 0 {
		bottom += 40
		d.f("<text x=\"%d\" y=\"%.1f\" class=\"sub\">Shared by many screens</text>\n", margin, bottom)
		bottom += 14
		x, height, perRow := float64(margin), 0.0, max(int((right-margin)/(nodeWidth+gapX)), 4)
		for i, n := range f.hubs {
			if i > 0 && i%perRow == 0 {
				x, bottom, height = margin, bottom+height+gapY, 0
			}
			n.x, n.y = x, bottom
			x += n.w + gapX
			height = max(height, n.h)
			right = max(right, x)
		}
		bottom += height
	}
	for _, l := range f.lines {
		d.line(l)
	}
	for _, n := range f.nodes {
		d.node(n, n.info.ID == p.Start())
	}
	return bottom, right
}

// line is a smooth way from port to screen, level where it leaves, passes a
// layer and arrives.
func (d *drawing) line(l *line) {
	p := l.from.ports[l.port]
	x, y := l.from.x+l.from.w, l.from.y+p.dy
	d.f("<path class=\"way\" marker-end=\"url(#arrow)\" data-from=\"%s\" data-to=\"%s\" d=\"M%.1f %.1f", l.from.key, l.to.key, x, y)
	curve := func(tx, ty float64) {
		half := max((tx-x)/2, 20)
		d.f("C%.1f %.1f %.1f %.1f %.1f %.1f", x+half, y, tx-half, ty, tx, ty)
		x, y = tx, ty
	}
	if label := label(l.from, p); label != "" {
		x += 10 + float64(textWidth(label))*6
		d.f("H%.1f", x)
	}
	for _, v := range l.via {
		curve(v.x, v.y+1)
		d.f("H%.1f", v.x+nodeWidth)
		x = v.x + nodeWidth
	}
	curve(l.to.x-1, l.to.y+inlet)
	d.f("\"><title>%s</title></path>\n", esc(l.from.info.ID+" → "+l.to.info.ID+": "+names(p.ways)))
}

func names(ways []menus.Way) string {
	all := make([]string, len(ways))
	for i, w := range ways {
		all[i] = w.Name
		if w.When != "" && !w.Option {
			all[i] = w.When
		}
	}
	return strings.Join(all, ", ")
}

func (d *drawing) node(n *node, start bool) {
	class := "screen"
	switch {
	case n.info.Kind == "action":
		class = "action"
	case n.shape == call:
		class = "call"
	case n.shape == fork:
		class = "fork"
	case len(n.ports) == 0 && n.info.Kind == "end":
		class = "screen end"
	case start:
		class = "screen start"
	}
	d.f("<g class=\"%s\" id=\"%s\" data-x=\"%.1f\" data-y=\"%.1f\" data-w=\"%.1f\" data-h=\"%.1f\">\n", class, n.key, n.x, n.y, n.w, n.h)
	if n.shape == phone {
		d.phone(n)
	} else {
		d.table(n)
	}
	for _, p := range n.ports {
		d.port(n, p)
	}
	d.f("</g>\n")
}

func (d *drawing) phone(n *node) {
	lines := n.lines()
	d.text(n.x+2, n.y+13, "title", n.info.ID)
	kind := n.info.Kind
	d.text(n.x+n.w-float64(len(kind))*6-2, n.y+13, "kind", kind)
	top := n.y + titleRoom
	d.f("<rect class=\"body\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"10\"/>", n.x, top, n.w, n.h-titleRoom)
	d.f("<rect x=\"%.1f\" y=\"%.1f\" width=\"34\" height=\"3\" rx=\"1.5\" fill=\"#aeb7c4\"/>", n.x+n.w/2-17, top+4)
	d.f("<rect class=\"glass\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"3\"/>\n", n.x+4, top+10, n.w-8, n.h-titleRoom-16)
	y := top + bezel
	for _, l := range lines {
		switch {
		case l.input:
			d.f("<rect class=\"field\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>", n.x+padding-3, y+1.5, n.w-2*padding+6, lineHeight-2)
			d.text(n.x+padding, y+11.5, "faint", l.text)
		case l.faint:
			d.text(n.x+padding, y+11.5, "faint", l.text)
		default:
			d.text(n.x+padding, y+11.5, "", l.text)
		}
		y += lineHeight
	}
}

// table draws a call with its outcomes, or a choice with its branches.
func (d *drawing) table(n *node) {
	d.f("<rect class=\"box\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"6\"/>", n.x, n.y, n.w, n.h)
	d.f("<path class=\"head\" d=\"M%.1f %.1fv-%dq0 -6 6 -6h%.1fq6 0 6 6v%dz\"/>\n", n.x, n.y+headRoom, headRoom-6, n.w-12, headRoom-6)
	d.text(n.x+padding, n.y+16, "head-text", n.info.ID)
	what := n.info.Kind
	if n.info.Call != "" {
		what = n.info.Call
	}
	if textWidth(n.info.ID)+textWidth(what) < columns {
		d.text(n.x+n.w-padding-float64(textWidth(what))*letter, n.y+16, "head-text", what)
	}
	y := n.y + headRoom + 4
	for i, p := range n.ports {
		if i > 0 {
			d.f("<path class=\"rule\" d=\"M%.1f %.1fh%.1f\"/>", n.x+4, y, n.w-8)
		}
		for _, row := range p.rows() {
			d.text(n.x+padding, y+12.5, "", row)
			y += lineHeight
		}
		y += 3
	}
}

// label is what stands on a line: an option's id. Outcomes stand on the node.
func label(n *node, p port) string {
	if n.shape == phone && p.ways[0].Option {
		return names(p.ways)
	}
	return ""
}

// port draws where ways leave: a dot with their names for a line, a tag with the
// screen's name for the rest.
func (d *drawing) port(n *node, p port) {
	x, y := n.x+n.w, n.y+p.dy
	d.f("<circle class=\"port\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"/>", x, y)
	if !p.tag {
		if label := label(n, p); label != "" {
			d.text(x+7, y+3.5, "label", label)
		}
		return
	}
	arrow, class := "→ ", "tag"
	if p.back {
		arrow, class = "↩ ", "tag back"
	}
	name := arrow + p.to.info.ID
	width := math.Min(float64(textWidth(name))*6.05+8, gapX-14)
	if most := tagColumns; textWidth(name) > most {
		name = string([]rune(name)[:most-1]) + "…"
	}
	d.f("<a href=\"#%s\" class=\"%s\" data-from=\"%s\" data-to=\"%s\"><title>%s</title><path class=\"rule\" d=\"M%.1f %.1fh6\"/><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"13\" rx=\"6.5\"/>",
		p.to.key, class, n.key, p.to.key, esc(n.info.ID+" → "+p.to.info.ID+": "+names(p.ways)), x+2, y, x+7, y-6.5, width)
	d.text(x+11, y+3.5, "", name)
	d.f("</a>\n")
}
