package menus

import (
	"fmt"
	"slices"
	"strings"
)

// sharedFile is a file of screens that menus include.
type sharedFile struct {
	name    string
	root    *node
	screens []entry
	include []*sharedFile // resolved
	used    bool          // a menu includes it
	reached map[string]bool
}

// share reads a file that begins with "shared: name".
func (l *loader) share(root *node) {
	l.keys(root, "a file of shared screens", "shared", "include", "screens")
	root.file.shared = true
	name, ok := l.name(root.get("shared"), "shared screens")
	if !ok {
		return
	}
	if other := l.included[name]; other != nil {
		l.at(root.get("shared"), "duplicate-shared", fmt.Sprintf("%s has the shared screens %q too", other.root.file.name, name), "give one of them another name")
		return
	}
	f := &sharedFile{name: name, root: root, reached: map[string]bool{}}
	if n := l.need(root, "screens", "a file of shared screens"); n != nil && l.isMap(n, "screens") {
		f.screens = l.screenEntries(n)
	}
	l.included[name] = f
}

// screenEntries are the screens of a file that have a name and are maps.
func (l *loader) screenEntries(n *node) []entry {
	if len(n.entries) == 0 {
		l.at(n, "missing-key", "there are no screens", "")
	}
	entries := make([]entry, 0, len(n.entries))
	for _, e := range n.entries {
		if _, ok := l.name(e.key, "a screen"); ok && l.isMap(e.val, "a screen") {
			entries = append(entries, e)
		}
	}
	return entries
}

// includes resolves what shared files include of each other, and refuses rings.
func (l *loader) includes() {
	var names []string
	for name := range l.included {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := l.included[name]
		f.include = l.includeList(f.root)
	}
	mark := map[*sharedFile]int{} // 1: on the way, 2: done
	var visit func(f *sharedFile, way []string)
	visit = func(f *sharedFile, way []string) {
		mark[f] = 1
		way = append(way, f.name)
		kept := f.include[:0]
		for _, to := range f.include {
			switch mark[to] {
			case 1:
				ring := append(slices.Clone(way[slices.Index(way, to.name):]), to.name)
				l.at(f.root.get("include"), "include-cycle", "these include each other: "+strings.Join(ring, " -> "), "take one of the includes out")
				continue
			case 0:
				visit(to, way)
			}
			kept = append(kept, to)
		}
		f.include = kept
		mark[f] = 2
	}
	for _, name := range names {
		if f := l.included[name]; mark[f] == 0 {
			visit(f, nil)
		}
	}
}

// includeList reads include: of a menu or a shared file.
func (l *loader) includeList(root *node) []*sharedFile {
	n := root.get("include")
	if n == nil {
		return nil
	}
	if n.kind != listNode {
		l.at(n, "wrong-type", "include is a list, not "+n.kind.String(), "write include: [name]")
		return nil
	}
	var files []*sharedFile
	for _, item := range n.items {
		name, ok := l.name(item, "shared screens")
		if !ok {
			continue
		}
		f := l.included[name]
		if f == nil {
			var known []string
			for k := range l.included {
				known = append(known, k)
			}
			slices.Sort(known)
			l.at(item, "unknown-include", fmt.Sprintf("no file begins with \"shared: %s\"", name), l.suggest(name, known, "shared screens are: "+orNone(known)))
			continue
		}
		if !slices.Contains(files, f) {
			files = append(files, f)
		}
	}
	return files
}

// pull adds to the menu's own screens those of included files that a way of the
// menu leads to, directly or through others of them.
func (l *loader) pull(m *menu) {
	type source struct {
		entry
		from *sharedFile
	}
	offered := map[string]source{}
	seen := map[*sharedFile]bool{}
	var offer func(files []*sharedFile)
	offer = func(files []*sharedFile) {
		for _, f := range files {
			if seen[f] {
				continue
			}
			seen[f], f.used = true, true
			for _, e := range f.screens {
				if other, twice := offered[e.key.text]; twice {
					l.at(e.key, "duplicate-screen", fmt.Sprintf("the menu %q gets the screen %q from %s too", m.name, e.key.text, other.from.root.file.name), "give one of them another name")
					continue
				}
				offered[e.key.text] = source{e, f}
			}
			offer(f.include)
		}
	}
	offer(l.includeList(m.root))
	if len(offered) == 0 {
		return
	}
	for i := range m.screens {
		if s, twice := offered[m.screens[i].key.text]; twice {
			l.at(m.screens[i].key, "duplicate-screen", fmt.Sprintf("%s has the screen %q too, and is included", s.from.root.file.name, m.screens[i].key.text), "give one of them another name")
			s.from.reached[m.screens[i].key.text] = true
			delete(offered, m.screens[i].key.text)
		}
	}
	for i := 0; i < len(m.screens); i++ { // grows meanwhile
		eachTarget(m.screens[i].val, func(name string) {
			s, ok := offered[name]
			if _, there := m.ids[name]; !ok || there || len(m.screens) == maxScreens {
				return
			}
			s.from.reached[name] = true
			m.files[s.val.file.name] = true
			m.ids[name] = len(m.screens)
			m.screens = append(m.screens, s.entry)
		})
	}
}

// eachTarget tells the names of screens that a screen's node leads to.
func eachTarget(n *node, tell func(name string)) {
	all := func(v *node) {
		for _, e := range v.entries {
			if e.val.kind == mapNode { // rejected:, by reason
				for _, r := range e.val.entries {
					tell(scalar(r.val))
				}
			}
			tell(scalar(e.val))
		}
	}
	for _, key := range [...]string{"next", "no", "else", "go"} {
		tell(scalar(n.get(key)))
	}
	if on := n.get("on"); on != nil {
		all(on)
	}
	for _, key := range [...]string{"options", "first"} {
		if list := n.get(key); list != nil {
			for _, item := range list.items {
				tell(scalar(item.get("go")))
			}
		}
	}
}

// unusedShared reports shared files that no menu includes, and screens of them
// that no menu comes to.
func (l *loader) unusedShared() {
	if len(l.problems) > 0 {
		return // a way may lead there once they are mended
	}
	for _, f := range l.included {
		if !f.used {
			l.at(f.root, "unused-file", fmt.Sprintf("no menu includes the shared screens %q", f.name), fmt.Sprintf("add include: [%s] to a menu, or remove the file", f.name))
			continue
		}
		for _, e := range f.screens {
			if !f.reached[e.key.text] {
				l.at(e.key, "unreachable-screen", fmt.Sprintf("no menu leads to the shared screen %q", e.key.text), "lead one there, or remove it")
			}
		}
	}
}
