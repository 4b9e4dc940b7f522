package graph

import "slices"

// Distances of the drawing, in pixels.
const (
	gapX    = 128 // between layers: room for tags and lines
	gapY    = 26
	lineGap = 10 // of a line that passes a layer
	margin  = 40
	sweeps  = 24
)

// layout gives every node its place.
func (f *flow) layout() {
	for _, n := range f.nodes {
		n.measure()
	}
	f.thread()
	f.untangle()
	f.place()
}

// thread cuts lines over several layers into pieces from layer to layer.
func (f *flow) thread() {
	for _, n := range f.nodes {
		for i := range n.ports {
			p := &n.ports[i]
			if p.tag {
				continue
			}
			l := &line{from: n, port: i, to: p.to}
			for layer := n.layer + 1; layer < p.to.layer; layer++ {
				d := &node{layer: layer, dummy: true, h: 2, order: len(f.layers[layer])}
				f.layers[layer] = append(f.layers[layer], d)
				l.via = append(l.via, d)
			}
			f.lines = append(f.lines, l)
		}
	}
}

// hop is a piece of a line between neighbouring layers, with the heights in
// their nodes where it leaves and arrives.
type hop struct {
	from, to *node
	out, in  float64
}

// hops are the pieces of all lines, by the layer that they leave; in and out list
// them by their nodes.
func (f *flow) hops() (byLayer [][]hop, in, out map[*node][]hop) {
	byLayer = make([][]hop, len(f.layers))
	in, out = map[*node][]hop{}, map[*node][]hop{}
	add := func(h hop) {
		byLayer[h.from.layer] = append(byLayer[h.from.layer], h)
		in[h.to] = append(in[h.to], h)
		out[h.from] = append(out[h.from], h)
	}
	for _, l := range f.lines {
		from, dy := l.from, l.from.ports[l.port].dy
		for _, v := range l.via {
			add(hop{from, v, dy, 1})
			from, dy = v, 1
		}
		add(hop{from, l.to, dy, inlet})
	}
	return byLayer, in, out
}

// untangle orders the nodes within their layers so that few lines cross: each
// goes to the middle of its neighbours, forth and back, and the best order seen
// is kept.
func (f *flow) untangle() {
	hops, in, out := f.hops()
	best, kept := f.crossings(hops), f.orders()
	for sweep := range sweeps {
		forth := sweep%2 == 0
		for k := range f.layers {
			i := k
			if !forth {
				i = len(f.layers) - 1 - k
			}
			want := map[*node]float64{}
			for _, n := range f.layers[i] {
				sum, count := 0.0, 0.0
				if forth {
					for _, h := range in[n] {
						sum, count = sum+float64(h.from.order)+h.out/1000, count+1
					}
				} else {
					for _, h := range out[n] {
						sum, count = sum+float64(h.to.order), count+1
					}
				}
				want[n] = float64(n.order)
				if count > 0 {
					want[n] = sum / count
				}
			}
			slices.SortStableFunc(f.layers[i], func(a, b *node) int {
				switch {
				case want[a] < want[b]:
					return -1
				case want[a] > want[b]:
					return 1
				}
				return a.order - b.order
			})
			for order, n := range f.layers[i] {
				n.order = order
			}
		}
		if c := f.crossings(hops); c < best {
			best, kept = c, f.orders()
		}
	}
	for i := range f.layers {
		f.layers[i] = kept[i]
		for order, n := range f.layers[i] {
			n.order = order
		}
	}
}

func (f *flow) orders() [][]*node {
	all := make([][]*node, len(f.layers))
	for i := range f.layers {
		all[i] = slices.Clone(f.layers[i])
	}
	return all
}

// crossings counts the lines that cross between neighbouring layers. Of layers
// with very many lines only some are counted: the drawing is too large to be
// read at once anyway.
func (f *flow) crossings(hops [][]hop) int {
	const most = 400
	n := 0
	for _, layer := range hops {
		n += crossed(layer[:min(len(layer), most)])
	}
	return n
}

func crossed(hops []hop) int {
	n := 0
	for i, a := range hops {
		for _, b := range hops[i+1:] {
			da := float64(a.from.order-b.from.order) + (a.out-b.out)/10000
			db := a.to.order - b.to.order
			if da < 0 && db > 0 || da > 0 && db < 0 {
				n++
			}
		}
	}
	return n
}

// place finds the heights: every node wants to stand where its lines run level,
// and those of a layer must not overlap. The layers are solved in turn, forth and
// back.
func (f *flow) place() {
	_, in, out := f.hops()
	x := 0.0
	for _, layer := range f.layers {
		width, y := 0.0, 0.0
		for _, n := range layer {
			n.x, n.y = x, y
			width = max(width, n.w)
			y += n.h + gap(n)
		}
		x += width + gapX
	}
	for sweep := range sweeps {
		for k := range f.layers {
			i := k
			if sweep%2 == 1 {
				i = len(f.layers) - 1 - k
			}
			settle(f.layers[i], in, out, sweep)
		}
	}
	top := 0.0
	for i, layer := range f.layers {
		for j, n := range layer {
			if i == 0 && j == 0 || n.y < top {
				top = n.y
			}
		}
	}
	for _, layer := range f.layers {
		for _, n := range layer {
			n.y -= top
		}
	}
}

func gap(n *node) float64 {
	if n.dummy {
		return lineGap
	}
	return gapY
}

// settle moves the nodes of one layer as near to where they want to be as their
// order and sizes allow: neighbours that press against each other move as one
// block to the mean of their wishes.
func settle(layer []*node, in, out map[*node][]hop, sweep int) {
	type block struct {
		nodes       []*node
		sum, weight float64 // of the wishes for the block's top
		height      float64
	}
	var blocks []block
	for _, n := range layer {
		sum, weight := 0.0, 0.0
		add := func(h hop, wish float64) {
			much := 1.0
			if h.from.dummy && h.to.dummy {
				much = 4 // long lines should run straight
			}
			sum, weight = sum+wish*much, weight+much
		}
		both := sweep > sweeps-6
		if sweep%2 == 0 || both {
			for _, h := range in[n] {
				add(h, h.from.y+h.out-h.in)
			}
		}
		if sweep%2 == 1 || both {
			for _, h := range out[n] {
				add(h, h.to.y+h.in-h.out)
			}
		}
		if weight == 0 {
			sum, weight = n.y*0.1, 0.1
		}
		b := block{nodes: []*node{n}, sum: sum, weight: weight, height: n.h + gap(n)}
		for len(blocks) > 0 {
			before := blocks[len(blocks)-1]
			if before.sum/before.weight+before.height <= b.sum/b.weight {
				break
			}
			blocks = blocks[:len(blocks)-1]
			b = block{
				nodes: append(before.nodes, b.nodes...),
				sum:   before.sum + b.sum - b.weight*before.height, weight: before.weight + b.weight,
				height: before.height + b.height,
			}
		}
		blocks = append(blocks, b)
	}
	for _, b := range blocks {
		y := b.sum / b.weight
		for _, n := range b.nodes {
			n.y = y
			y += n.h + gap(n)
		}
	}
}
