package menus

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func wallet(t testing.TB) *Catalog {
	t.Helper()
	c, err := Load(os.DirFS("catalog"), DefaultEnv())
	if err != nil {
		t.Fatalf("the shipped catalog does not load:\n%v", err)
	}
	return c
}

func TestShippedCatalogLoads(t *testing.T) {
	c := wallet(t)
	p, rest, ok := c.Dial("*150*00#")
	if !ok || rest != "" || p.Menu() != "wallet" {
		t.Fatalf("Dial gave %v, %q, %v", p, rest, ok)
	}
}

func TestCatalogsThatAreWrongAsAWhole(t *testing.T) {
	second := strings.Replace(okMenu, "menu: ok", "menu: ok2", 1)
	for _, tt := range []struct {
		name  string
		files map[string]string
		codes []string
	}{
		{"no files", nil, []string{"no-menus"}},
		{"texts without a menu", map[string]string{"texts.yaml": string(textsFile(t))}, []string{"no-menus"}},
		{"a menu without texts", map[string]string{"a.yaml": okMenu}, []string{"no-texts"}},
		{"two texts", map[string]string{"a.yaml": okMenu, "t.yaml": string(textsFile(t)), "u.yaml": "texts: {}\n"}, []string{"duplicate-texts"}},
		{"two menus of one name", map[string]string{"a.yaml": okMenu, "b.yaml": strings.Replace(okMenu, "*9#", "*8#", 1), "t.yaml": string(textsFile(t))}, []string{"duplicate-menu"}},
		{"two menus of one code", map[string]string{"a.yaml": okMenu, "b.yaml": second, "t.yaml": string(textsFile(t))}, []string{"duplicate-code"}},
		{"a file that is too large", map[string]string{"a.yaml": okMenu, "b.yaml": strings.Repeat("#", maxFileSize+1), "t.yaml": string(textsFile(t))}, []string{"file-too-large"}},
		{"two broken files", map[string]string{"a.yaml": "menu: [\n", "b.yaml": "x: 1\n", "t.yaml": string(textsFile(t))}, []string{"yaml-syntax", "unknown-file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for name, text := range tt.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			_, err := Load(fsys, DefaultEnv())
			var ps Problems
			if !errors.As(err, &ps) {
				t.Fatalf("got %v", err)
			}
			var codes []string
			for _, p := range ps {
				codes = append(codes, p.Code)
			}
			if !slices.Equal(codes, tt.codes) {
				t.Errorf("got %v, want %v:\n%v", codes, tt.codes, err)
			}
		})
	}
}

func TestTestFilesAndOtherFilesAreNotRead(t *testing.T) {
	fsys := fstest.MapFS{
		"a/ok.yaml": {Data: []byte(okMenu)}, "texts.yaml": {Data: textsFile(t)},
		"ok.test.yaml": {Data: []byte("tests: []\n")}, "schema.json": {Data: []byte("{}")},
	}
	c, err := Load(fsys, DefaultEnv())
	if err != nil || !slices.Equal(c.Menus(), []string{"ok"}) {
		t.Fatalf("%v", err)
	}
}

func TestASavedRevisionIsTheSameRevision(t *testing.T) {
	c := wallet(t)
	again, err := LoadSource(c.Source(), DefaultEnv(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.Revision() != c.Revision() || !bytes.Equal(again.Source(), c.Source()) || len(c.Revision()) != 16 {
		t.Errorf("revision %s became %s", c.Revision(), again.Revision())
	}
	p, _ := c.Program("wallet")
	q, _ := again.Program("wallet")
	turn, err := p.Step(State{}, Input{Kind: Begin})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Step(turn.State, Input{Kind: Show}); err != nil {
		t.Errorf("a dialogue cannot go on: %v", err)
	}
	env := DefaultEnv()
	env.Limits.Septets = 160
	other, err := LoadSource(c.Source(), env, nil)
	if err != nil || other.Revision() == c.Revision() {
		t.Errorf("another Env is the same revision (%v)", err)
	}
	r, _ := other.Program("wallet")
	if _, err := r.Step(turn.State, Input{Kind: Show}); !errors.Is(err, ErrState) {
		t.Errorf("another revision took the state: %v", err)
	}
	for _, bad := range []string{"", "x", sourceMagic + "a\n", sourceMagic + "a\t9\nbc", sourceMagic + "a\t-1\n"} {
		if _, err := LoadSource([]byte(bad), DefaultEnv(), nil); err == nil {
			t.Errorf("%q was loaded", bad)
		}
	}
}

func TestDial(t *testing.T) {
	c := wallet(t)
	for _, tt := range []struct {
		dialled, menu, rest string
		ok                  bool
	}{
		{"*150*00#", "wallet", "", true},
		{"*150*00*1*2#", "wallet", "1*2", true},
		{"*150*00*9*2#", "wallet", "9*2", false},
		{"*150*00", "", "", false},
		{"*150*01#", "agent", "", true},
		{"*150*09#", "", "", false},
		{"*150#", "", "", false},
		{"#", "", "", false},
		{"", "", "", false},
	} {
		p, rest, ok := c.Dial(tt.dialled)
		menu := ""
		if p != nil {
			menu = p.Menu()
		}
		if menu != tt.menu || rest != tt.rest || ok != tt.ok {
			t.Errorf("Dial(%q) = %q, %q, %v", tt.dialled, menu, rest, ok)
		}
	}
}

func TestEnvThatCannotWorkIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Env){
		"prefix":   func(e *Env) { e.Country.Prefix = "+255" },
		"national": func(e *Env) { e.Country.National = 14 },
		"trunk":    func(e *Env) { e.Country.Trunk = "x" },
		"currency": func(e *Env) { e.Currency = Currency{Code: "TZS", Minor: 9} },
		"limits":   func(e *Env) { e.Limits.UCS2 = 5 },
	} {
		env := DefaultEnv()
		change(&env)
		if _, err := Load(fstest.MapFS{}, env); err == nil || errors.As(err, new(Problems)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTenThousandProblemsAreAllReported(t *testing.T) {
	fsys := manyScreens(10000)
	fsys["big.yaml"].Data = bytes.ReplaceAll(fsys["big.yaml"].Data, []byte(", sw: Mbele"), nil)
	fsys["texts.yaml"] = &fstest.MapFile{Data: textsFile(t)}
	_, err := Load(fsys, DefaultEnv())
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 10000 {
		t.Fatalf("%d problems", len(ps))
	}
}

func TestEveryReasonAndSystemTextIsThereInEveryLanguage(t *testing.T) {
	c := wallet(t)
	for _, lang := range c.Languages() {
		for _, name := range append([]string{"session_expired", "unknown_code", "busy", "still_checking", "resumed", "wrong_choice"}, reasonCodes...) {
			if c.Text(name, lang, Value{Name: "code", Text: "*1#"}) == "" {
				t.Errorf("%s in %s is empty", name, lang)
			}
		}
	}
	if c.Text("no_such_text", "en") != "" || c.Text("busy", "zz") != c.Text("busy", "en") {
		t.Error("an unknown name or language")
	}
	if got := c.Text("still_checking", "en", Value{Name: "ref", Text: "QK7"}); !strings.Contains(got, "request QK7 is") {
		t.Error(got)
	}
	if got := c.Text("still_checking", "en"); !strings.Contains(got, "request is") {
		t.Error(got)
	}
}
