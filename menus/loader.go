package menus

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// loader gathers what it reads and everything that is wrong with it.
//
// A file becomes nodes (yaml.go), nodes are declared (the names of screens,
// variables and languages), then compiled into a Program with integer ids
// (compile.go and the files beside it), and the compiled graph is checked
// (flow.go). Every stage reports and goes on with what makes sense.
type loader struct {
	env      Env
	problems Problems
	langs    []string // of all menus, sorted
	system   []*sysLang
	shared   bool // reading the texts' file, which may be ahead of the menus
	closed   bool // the catalog is under maintenance
	above    int  // lines of the file above what is converted
	guesses  int  // names compared to find what was meant
	included map[string]*sharedFile
	defaults [sysCount]*node // the error texts that inputs without their own take
	stored   bool            // a revision that was published, maybe by another release
	texts    *Catalog        // has the texts that a stored one lacks; may be nil
}

func (l *loader) report(f *file, line, col int, code, msg, fix string) {
	p := Problem{File: f.name, Line: line, Col: col, Code: code, Message: msg, Fix: fix}
	if line > 0 {
		p.Snippet = snippet(f.line(line), col)
	}
	l.problems = append(l.problems, p)
}

func (l *loader) at(n *node, code, msg, fix string) { l.report(n.file, n.line, n.col, code, msg, fix) }

// Load reads every *.yaml of fsys, folders included, except *.test.yaml. All
// that is wrong comes back at once as Problems; any other error is of the file
// system or the Env.
func Load(fsys fs.FS, env Env) (*Catalog, error) {
	var files []*file
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".test.yaml") {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		files = append(files, &file{name: path, data: data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("menus: reading the catalog: %w", err)
	}
	return (&loader{env: env}).load(files)
}

const sourceMagic = "nyota menus 1\n"

// LoadSource reads a revision that Catalog.Source wrote, so that dialogues can
// end on the menus they began on. It may be of another release: texts and reasons
// that this one does not know are skipped, those that an earlier one did not have
// are those of texts (nil: it must have them all), and what a menu did not have to
// say then is not asked for.
func LoadSource(source []byte, env Env, texts *Catalog) (*Catalog, error) {
	errSource := errors.New("menus: this is not the source of a catalog")
	rest, ok := bytes.CutPrefix(source, []byte(sourceMagic))
	if !ok {
		return nil, errSource
	}
	var files []*file
	for len(rest) > 0 {
		head, body, ok := bytes.Cut(rest, []byte("\n"))
		name, size, ok2 := strings.Cut(string(head), "\t")
		n, err := strconv.Atoi(size)
		if !ok || !ok2 || err != nil || n < 0 || n > len(body) {
			return nil, errSource
		}
		files = append(files, &file{name: name, data: body[:n:n]})
		rest = body[n:]
	}
	return (&loader{env: env, stored: true, texts: texts}).load(files)
}

func encodeSource(files []*file) []byte {
	b := []byte(sourceMagic)
	for _, f := range files {
		b = fmt.Appendf(b, "%s\t%d\n", f.name, len(f.data))
		b = append(b, f.data...)
	}
	return b
}

func load(files []*file, env Env) (*Catalog, error) { return (&loader{env: env}).load(files) }

func (l *loader) load(files []*file) (*Catalog, error) {
	env, err := l.env.check()
	if err != nil {
		return nil, err
	}
	l.env = env
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.name, b.name) })
	c := &Catalog{env: env, source: encodeSource(files), codes: map[string]*Program{}, keywords: map[string]*Program{}}
	sum := sha256.Sum256(fmt.Appendf(slices.Clone(c.source), "%+v", env))
	c.revision = hex.EncodeToString(sum[:8])

	l.included = map[string]*sharedFile{}
	var menus []*menu
	var texts, roots []*node
	for _, f := range files {
		root := l.parse(f)
		switch {
		case root == nil:
		case root.kind != mapNode:
			l.at(root, "wrong-type", "a file is a map, not "+root.kind.String(), `begin with "menu: name"`)
		case root.get("menu") != nil:
			roots = append(roots, root)
		case root.get("shared") != nil:
			l.share(root)
		case root.get("texts") != nil:
			texts = append(texts, root)
		default:
			l.at(root, "unknown-file", "neither a menu, nor shared screens, nor the system's texts", `a menu begins with "menu: name", shared screens with "shared: name", the texts with "texts:"`)
		}
	}
	l.includes()
	for _, root := range roots {
		menus = append(menus, l.declare(root))
	}
	if len(menus) == 0 && len(l.problems) == 0 {
		l.report(&file{name: "."}, 0, 0, "no-menus", "there is no menu in this folder", "add a *.yaml file that begins with \"menu: name\"")
	}
	for _, m := range menus {
		for _, lang := range m.langs {
			if !slices.Contains(l.langs, lang) {
				l.langs = append(l.langs, lang)
			}
		}
	}
	slices.Sort(l.langs)
	l.shared = true
	l.loadSystem(texts)
	l.shared = false
	c.system = l.system
	for _, m := range menus {
		p := l.compile(m)
		p.env = env
		p.closed = p.closed || l.closed
		p.fingerprint = fingerprint(c.revision, m.name)
		l.register(c, m, p)
	}
	for _, m := range menus {
		l.aliasCodes(c, m)
	}
	l.unusedShared()
	if len(l.problems) > 0 {
		return nil, l.problems.sorted()
	}
	c.fallback = c.system[0]
	lowest := ""
	for code, p := range c.codes {
		if lowest == "" || code < lowest {
			lowest, c.fallback = code, p.sys[0]
			if i, ok := slices.BinarySearch(l.langs, p.langs[0]); ok {
				c.fallback = l.system[i] // without the menu's own words
			}
		}
	}
	slices.SortFunc(c.programs, func(a, b *Program) int { return strings.Compare(a.menu, b.menu) })
	return c, nil
}

// fingerprint ties a State to its revision and menu; never 0, which is the zero
// State's.
func fingerprint(revision, menu string) uint32 {
	sum := sha256.Sum256([]byte(revision + "/" + menu))
	return uint32(sum[0])<<24 | uint32(sum[1])<<16 | uint32(sum[2])<<8 | uint32(sum[3]) | 1
}

// register adds a program under its name and codes.
func (l *loader) register(c *Catalog, m *menu, p *Program) {
	for _, other := range c.programs {
		if other.menu == p.menu && p.menu != "" {
			l.at(m.root.get("menu"), "duplicate-menu", fmt.Sprintf("another file has the menu %q too", p.menu), "give one of them another name")
		}
	}
	c.programs = append(c.programs, p)
	for _, n := range m.codes {
		if other := c.codes[n.text]; other != nil {
			l.at(n, "duplicate-code", fmt.Sprintf("the menu %q has the code %s too", other.menu, n.text), "a code opens one menu")
			continue
		}
		c.codes[n.text] = p
		p.codes = append(p.codes, n.text)
	}
	for _, n := range m.keywords {
		if other := c.keywords[n.text]; other != nil {
			l.at(n, "duplicate-keyword", fmt.Sprintf("the menu %q has the keyword %s already", other.menu, n.text), "a keyword enters one menu, and is given once")
			continue
		}
		c.keywords[n.text] = p
		p.keywords = append(p.keywords, n.text)
	}
}
