package menus

// Node is one value of a YAML file that belongs to the menus, read as strictly
// as the menus themselves: no aliases, anchors, tags, merges or repeated keys.
type Node struct {
	Kind    NodeKind
	Line    int // from 1
	Col     int // from 1, in characters
	Text    string
	Number  bool // a value without quotes that YAML takes for a number or a truth value
	Plain   bool // a value without quotes
	Entries []NodeEntry
	Items   []*Node
}

// NodeEntry is one key of a map, in the order of the file.
type NodeEntry struct{ Key, Value *Node }

// NodeKind is the shape of a Node.
type NodeKind uint8

// Shapes of a Node.
const (
	ScalarNode NodeKind = iota
	NullNode
	MapNode
	ListNode
)

// String is the shape as problems name it: "a map".
func (k NodeKind) String() string { return nodeKind(k).String() }

// Get is the value of a map's key, nil if it is not there.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		if e.Key.Text == key {
			return e.Value
		}
	}
	return nil
}

// ReadYAML reads one file. root is nil if nothing can be made of it; problems
// are sorted by their places.
func ReadYAML(name string, data []byte) (root *Node, problems Problems) {
	l := &loader{}
	n := l.parse(&file{name: name, data: data})
	if n != nil {
		root = n.export()
	}
	return root, l.problems.sorted()
}

func (n *node) export() *Node {
	out := &Node{Kind: NodeKind(n.kind), Line: n.line, Col: n.col, Text: n.text, Number: n.number, Plain: n.plain}
	for _, e := range n.entries {
		out.Entries = append(out.Entries, NodeEntry{e.key.export(), e.val.export()})
	}
	for _, i := range n.items {
		out.Items = append(out.Items, i.export())
	}
	return out
}
