// Package graph draws the flow of menus: every screen once, as a little phone
// with its text, calls of the core as tables of their outcomes, and the ways
// between them. [SVG] has a layout of its own, in layers from left to right;
// [Mermaid] and [DOT] leave it to those tools.
package graph

import (
	"slices"

	"nyota/menus"
)

// node is a screen of one menu.
type node struct {
	key   string // menu and screen: unique in a drawing
	info  menus.ScreenInfo
	ports []port // the ways on, those to the same screen side by side in one
	shape shape

	layer, order int
	x, y         float64
	w, h         float64
	hub          bool // many ways lead here: they are drawn as tags, not as lines
	dummy        bool // a place where a long line passes a layer
}

// port is where ways leave a node.
type port struct {
	ways []menus.Way
	to   *node
	dy   float64 // of its middle, from the node's top
	tag  bool    // drawn as the name of the screen, not as a line
	back bool    // it leads to the same or an earlier layer
}

// flow is the graph of one menu.
type flow struct {
	program *menus.Program
	nodes   []*node
	layers  [][]*node
	lines   []*line
	hubs    []*node
}

// line is a way that is drawn, through the layers that it passes.
type line struct {
	from *node
	port int
	via  []*node
	to   *node
}

// hubWays is from how many screens ways must come for a screen that leads nowhere
// to be a hub.
const hubWays = 3

// maxSpan is how many layers a line may pass; a longer one is a tag.
const maxSpan = 12

// build reads the flow of a menu.
func build(p *menus.Program, lang string) *flow {
	f := &flow{program: p}
	byID := map[string]*node{}
	for _, s := range p.Flow(lang) {
		n := &node{key: p.Menu() + "." + s.ID, info: s, shape: shapeOf(s)}
		f.nodes = append(f.nodes, n)
		byID[s.ID] = n
	}
	sources := map[*node]int{}
	for _, n := range f.nodes {
		for _, w := range n.info.Ways {
			to := byID[w.To]
			i := slices.IndexFunc(n.ports, func(p port) bool { return p.to == to })
			if i < 0 || w.Option {
				n.ports = append(n.ports, port{ways: []menus.Way{w}, to: to})
				if i < 0 {
					sources[to]++
				}
				continue
			}
			n.ports[i].ways = append(n.ports[i].ways, w)
		}
	}
	start := byID[p.Start()]
	for _, n := range f.nodes {
		n.hub = n != start && len(n.ports) == 0 && sources[n] >= hubWays
	}
	f.rank(start)
	return f
}

// rank puts every screen into a layer: one behind the last of those that lead to
// it, ways back left aside. Hubs are apart.
func (f *flow) rank(start *node) {
	const (
		fresh = iota
		open
		closed
	)
	mark := map[*node]int{}
	var finished []*node
	var visit func(n *node)
	visit = func(n *node) {
		mark[n] = open
		for i := range n.ports {
			p := &n.ports[i]
			if p.to.hub {
				p.tag = true
				continue
			}
			switch mark[p.to] {
			case open:
				p.tag, p.back = true, true
			case fresh:
				visit(p.to)
			}
		}
		mark[n] = closed
		finished = append(finished, n)
	}
	visit(start)
	for _, n := range f.nodes {
		switch {
		case n.hub:
			f.hubs = append(f.hubs, n)
		case mark[n] == fresh: // only a shortcut or a dialogue taken up again leads there
			visit(n)
		}
	}
	slices.Reverse(finished)
	for _, n := range finished {
		for _, p := range n.ports {
			if !p.tag {
				p.to.layer = max(p.to.layer, n.layer+1)
			}
		}
	}
	for _, n := range finished {
		for i := range n.ports {
			p := &n.ports[i]
			p.tag = p.tag || p.to.layer-n.layer > maxSpan
		}
		for len(f.layers) <= n.layer {
			f.layers = append(f.layers, nil)
		}
		n.order = len(f.layers[n.layer])
		f.layers[n.layer] = append(f.layers[n.layer], n)
	}
}
