package menus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestTheCommittedSchemaIsUpToDate(t *testing.T) {
	golden(t, "schema.json", string(Schema()))
}

// schema compiles the language's schema as editors do: as draft-07.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// value is a YAML file as a JSON schema sees it.
func value(data []byte) (any, error) {
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(b))
}

const modeline = "# yaml-language-server: $schema=../schema.json\n"

func TestEveryShippedFileFitsTheSchemaAndNamesIt(t *testing.T) {
	s := schema(t)
	files, err := filepath.Glob("catalog/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(data), modeline) {
				t.Errorf("the first line is not %q", modeline)
			}
			v, err := value(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(v); err != nil {
				t.Error(err)
			}
		})
	}
}

// What an editor can see of these problems, it must see: their shape is wrong.
func TestTheSchemaRefusesWhatTheLoaderRefuses(t *testing.T) {
	s := schema(t)
	for _, code := range []string{"unknown-key", "unknown-kind", "unknown-call", "unknown-arg", "unknown-outcome", "unknown-reason", "unknown-type",
		"missing-outcome", "missing-else", "missing-key", "bad-code", "bad-name", "number-unquoted", "wrong-kind"} {
		t.Run(code, func(t *testing.T) {
			data, err := os.ReadFile("testdata/broken/" + code + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			v, err := value(data)
			if err != nil {
				t.Fatal(err)
			}
			if s.Validate(v) == nil {
				t.Error("the schema has nothing against it")
			}
		})
	}
}

// The loader says which keys it knows when it is given one that it does not:
// those must be the schema's.
func TestTheSchemaHasTheKeysOfTheLoader(t *testing.T) {
	var root struct {
		Definitions map[string]struct {
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	keys := func(definition string) []string {
		var all []string
		for k := range root.Definitions[definition].Properties {
			all = append(all, k)
		}
		slices.Sort(all)
		return all
	}
	known := func(file string) []string {
		t.Helper()
		_, err := Load(fstest.MapFS{"m.yaml": {Data: []byte(file)}, "texts.yaml": {Data: textsFile(t)}}, DefaultEnv())
		var ps Problems
		errors.As(err, &ps)
		for _, p := range ps {
			if p.Code == "unknown-key" && strings.Contains(p.Message, `"zzzzzzzzzzzz"`) {
				rest, ok := strings.CutPrefix(p.Fix, "one of: ")
				if !ok {
					t.Fatalf("the fix is %q", p.Fix)
				}
				all := strings.Split(rest, ", ")
				slices.Sort(all)
				return all
			}
		}
		t.Fatalf("the loader has nothing against an unknown key: %v", err)
		return nil
	}
	const menu = "menu: m\ncodes: [\"*1#\"]\nlanguages: [en]\nstart: a\n"
	tests := map[string]string{
		"menu_file":   menu + "zzzzzzzzzzzz: 1\nscreens: {a: {kind: end, text: {en: x}}}\n",
		"shared_file": "shared: s\nzzzzzzzzzzzz: 1\nscreens: {a: {kind: end, text: {en: x}}}\n",
		"option":      menu + "screens: {a: {kind: menu, text: {en: x}, options: [{id: o, label: {en: y}, go: a, zzzzzzzzzzzz: 1}]}}\n",
	}
	for _, k := range kindNames[1:] {
		call := ""
		switch k {
		case "fetch":
			call = ", call: balance"
		case "action":
			call = ", call: transfer"
		}
		tests["screen_"+k] = menu + "screens: {a: {kind: " + k + call + ", zzzzzzzzzzzz: 1}}\n"
	}
	for definition, file := range tests {
		t.Run(definition, func(t *testing.T) {
			if got, want := keys(definition), known(file); !slices.Equal(got, want) {
				t.Errorf("the schema has %v,\nthe loader %v", got, want)
			}
		})
	}
}

func TestOnlyWhatMayHaveHappenedHasTheOutcomeUnknown(t *testing.T) {
	s := schema(t)
	const menu = `menu: m
codes: ["*1#"]
languages: [en]
start: home
screens:
  home: {kind: menu, text: {en: Hello}, options: [{id: a, label: {en: Go}, go: pin}]}
  pin: {kind: confirm, text: {en: PIN}, var: pin, type: secret, next: new}
  new: {kind: confirm, text: {en: New PIN}, var: new_pin, type: secret, next: ask}
  ask: {kind: fetch, %s}
  bye: {kind: end, text: {en: Bye}}
`
	for call, changes := range map[string]bool{
		"call: change_pin, with: {pin: pin, new_pin: new_pin}":    true,
		"call: lock, with: {pin: pin}":                            true,
		"call: balance, with: {pin: pin}, save: {balance: money}": false,
	} {
		for on, unknown := range map[string]bool{
			"on: {done: bye, rejected: bye, unavailable: bye}":               false,
			"on: {done: bye, rejected: bye, unknown: bye, unavailable: bye}": true,
		} {
			file := []byte(fmt.Sprintf(menu, call+", "+on))
			_, err := Load(fstest.MapFS{"m.yaml": {Data: file}, "texts.yaml": {Data: textsFile(t)}}, DefaultEnv())
			if (err == nil) != (changes == unknown) {
				t.Errorf("%s, %s: the loader says %v", call, on, err)
			}
			v, err := value(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(v); (err == nil) != (changes == unknown) {
				t.Errorf("%s, %s: the schema says %v", call, on, err)
			}
		}
	}
}
