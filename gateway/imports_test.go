package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// house says which of our own packages a folder may import. A trailing "/..."
// allows everything below. A folder that is not here may not exist.
var house = map[string][]string{
	"smpp/pdu":      {},
	"smpp/text":     {},
	"smpp":          {"smpp/pdu", "smpp/text"},
	"smpp/smpptest": {"smpp", "smpp/pdu", "smpp/text"},
	"smpp/interop":  {"smpp/..."},

	"menus":              {},
	"menus/menutest":     {"menus"},
	"menus/graph":        {"menus"},
	"sessions":           {},
	"sessions/storetest": {"sessions"},

	"gateway/config": {},
	"gateway/core":   {},

	"gateway/core/coretest": {"gateway/core", "gateway/simulator/faults"},
	"gateway/core/momo":     {"gateway/core"},
	"gateway/core/daraja":   {"gateway/core"},
	"gateway/core/iso8583":  {"gateway/core"},

	"gateway/ledger": {"gateway/core", "sessions"},
	"gateway/dialog": {"gateway/core", "gateway/ledger", "menus", "sessions"},

	"gateway/channel/ussd": {"gateway/dialog", "menus", "sessions", "smpp/..."},
	"gateway/channel/sms":  {"gateway/dialog", "menus", "sessions", "smpp/..."},
	"gateway/ops":          {"gateway/dialog", "gateway/ledger", "gateway/core", "sessions", "menus"},

	"gateway/simulator":                   {"smpp/..."},
	"gateway/simulator/coresim":           {"gateway/simulator/faults"},
	"gateway/simulator/faults":            {},
	"gateway/simulator/faults/faultstest": {},
	"gateway/simulator/momosim":           {"gateway/simulator/faults"},
	"gateway/simulator/darajasim":         {"gateway/simulator/faults"},
	"gateway/simulator/isosim":            {"gateway/simulator/faults"},
	"gateway/phone":                       {"gateway/simulator", "gateway/dialog", "menus/...", "smpp/..."},
	"gateway/load":                        {"smpp/..."},
	"gateway/load/outage": {"gateway/core", "gateway/dialog", "gateway/ledger", "gateway/simulator", "gateway/simulator/coresim",
		"menus", "sessions"},

	"gateway": {"gateway/...", "menus/...", "sessions", "smpp/..."},
}

// onlyInTests are imports that a folder's tests may have beyond its rule.
var onlyInTests = map[string][]string{
	"smpp":                        {"smpp/smpptest"},
	"smpp/pdu":                    {"smpp/text"},
	"sessions":                    {"sessions/storetest", "menus"},
	"gateway":                     {"sessions/storetest"},
	"gateway/core":                {"gateway/simulator/coresim"},
	"gateway/core/coretest":       {"gateway/simulator/coresim"},
	"gateway/core/momo":           {"gateway/core/coretest", "gateway/simulator/momosim"},
	"gateway/core/daraja":         {"gateway/core/coretest", "gateway/simulator/darajasim"},
	"gateway/core/iso8583":        {"gateway/core/coretest", "gateway/simulator/isosim"},
	"gateway/simulator/coresim":   {"gateway/core"},
	"gateway/simulator/momosim":   {"gateway/simulator/faults/faultstest"},
	"gateway/simulator/darajasim": {"gateway/simulator/faults/faultstest"},
	"gateway/simulator/isosim":    {"gateway/simulator/faults/faultstest"},
	"gateway/ledger":              {"gateway/dialog", "menus"},
	"gateway/dialog":              {"gateway/simulator/coresim"},
}

func TestImportsPointOneWay(t *testing.T) {
	const module = "nyota/"
	root := ".."
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "data") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(rel))
		allowed, ok := house[folder]
		if !ok {
			if !seen[folder] {
				t.Errorf("%s: no such room in the house: add it to the design first", folder)
			}
			seen[folder] = true
			return nil
		}
		seen[folder] = true
		isTest := strings.HasSuffix(path, "_test.go")
		if isTest {
			allowed = append(append([]string{folder}, allowed...), onlyInTests[folder]...)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			ours, ok := strings.CutPrefix(name, module)
			if ok && !permits(allowed, ours) {
				t.Errorf("%s may not import %s", rel, ours)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder := range house {
		if !seen[folder] {
			t.Errorf("%s is in the rules and not in the tree", folder)
		}
	}
}

func TestOnlyMainSeesAConcreteStoreOrConnector(t *testing.T) {
	if permits(house["gateway/dialog"], "gateway/simulator") || permits(house["gateway/ledger"], "menus") {
		t.Error("the rules are too wide")
	}
	for _, dir := range []string{"dialog", "ledger", "channel/ussd", "channel/sms", "ops", "phone"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d files", dir, err, len(files))
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, banned := range []string{"OpenEmbedded", "OpenValkey", "NewGSMA"} {
				if mentions(file, banned) {
					t.Errorf("%s mentions %s: only main may", f, banned)
				}
			}
		}
	}
}

// mentions says whether a name is used anywhere in a file.
func mentions(file *ast.File, name string) bool {
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name {
			found = true
		}
		return !found
	})
	return found
}

func permits(allowed []string, name string) bool {
	for _, a := range allowed {
		if deep, ok := strings.CutSuffix(a, "/..."); ok && (name == deep || strings.HasPrefix(name, deep+"/")) {
			return true
		}
		if a == name {
			return true
		}
	}
	return false
}
