package graph_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"nyota/menus"
	"nyota/menus/graph"
)

var update = flag.Bool("update", false, "write the golden files")

// shop is a menu of a few screens.
func shop(t testing.TB) *menus.Program {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, path := range map[string]string{"shop.yaml": "testdata/shop.yaml", "texts.yaml": "../catalog/texts.yaml"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fsys[name] = &fstest.MapFile{Data: data}
	}
	c, err := menus.Load(fsys, menus.DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Program("shop")
	return p
}

// shipped are the menus that the gateway comes with.
func shipped(t testing.TB) (all []*menus.Program) {
	t.Helper()
	c, err := menus.Load(os.DirFS("../catalog"), menus.DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range c.Menus() {
		p, _ := c.Program(name)
		all = append(all, p)
	}
	return all
}

func TestMermaidAndDOTNameEveryScreenAndWay(t *testing.T) {
	for name, draw := range map[string]func(io.Writer, string, ...*menus.Program) error{"shop.mmd": graph.Mermaid, "shop.dot": graph.DOT} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := draw(&b, "en", shop(t)); err != nil {
				t.Fatal(err)
			}
			path := "testdata/" + name
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), b.String()); d != "" {
				t.Errorf("%s differs (-want +got):\n%s", path, d)
			}
		})
	}
}

type box struct {
	id         string
	x, y, w, h float64
}

// picture is what a reader of the SVG finds: the boxes, and the ways as "from to".
type picture struct {
	boxes []box
	ways  map[string]bool
	text  string
}

func read(t *testing.T, svg []byte) picture {
	t.Helper()
	p := picture{ways: map[string]bool{}}
	var text strings.Builder
	for dec := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			p.text = text.String()
			return p
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		switch v := token.(type) {
		case xml.CharData:
			text.Write(v)
		case xml.StartElement:
			attr := map[string]string{}
			for _, a := range v.Attr {
				if _, twice := attr[a.Name.Local]; twice {
					t.Errorf("<%s> has %s twice", v.Name.Local, a.Name.Local)
				}
				attr[a.Name.Local] = a.Value
			}
			if from := attr["data-from"]; from != "" {
				p.ways[from+" "+attr["data-to"]] = true
			}
			if attr["data-w"] != "" {
				number := func(name string) float64 {
					f, err := strconv.ParseFloat(attr[name], 64)
					if err != nil {
						t.Fatal(err)
					}
					return f
				}
				p.boxes = append(p.boxes, box{attr["id"], number("data-x"), number("data-y"), number("data-w"), number("data-h")})
			}
		}
	}
}

func TestTheSVGHasEveryScreenOnceAndNoBoxOnAnother(t *testing.T) {
	programs := append(shipped(t), shop(t))
	for _, lang := range []string{"", "en", "sw"} {
		t.Run("lang="+lang, func(t *testing.T) {
			var b bytes.Buffer
			if err := graph.SVG(&b, lang, programs...); err != nil {
				t.Fatal(err)
			}
			pic := read(t, b.Bytes())
			seen := map[string]int{}
			for i, a := range pic.boxes {
				seen[a.id]++
				if a.x < 0 || a.y < 0 {
					t.Errorf("%s is outside the picture", a.id)
				}
				for _, c := range pic.boxes[i+1:] {
					if a.x < c.x+c.w && c.x < a.x+a.w && a.y < c.y+c.h && c.y < a.y+a.h {
						t.Errorf("%s and %s overlap", a.id, c.id)
					}
				}
			}
			screens := 0
			for _, p := range programs {
				for _, s := range p.Flow(lang) {
					screens++
					id := p.Menu() + "." + s.ID
					if seen[id] != 1 {
						t.Errorf("%s is drawn %d times", id, seen[id])
					}
					for _, w := range s.Ways {
						if way := id + " " + p.Menu() + "." + w.To; !pic.ways[way] {
							t.Errorf("the way %s (%s) is not drawn", way, w.Name)
						}
					}
				}
			}
			if len(pic.boxes) != screens {
				t.Errorf("%d boxes for %d screens", len(pic.boxes), screens)
			}
		})
	}
}

func TestTheSVGShowsTheTextsOfItsLanguage(t *testing.T) {
	for lang, want := range map[string][]string{
		"en": {`Shop "#1"`, "1 Balance", "{balance}", "Not now <sorry>", "wrong_pin", "1 Yes", "balance < 1000", "2 A week", "if customer !="},
		"sw": {"Duka", "1 Salio", "Weka PIN", "1 Ndiyo"},
	} {
		var b bytes.Buffer
		if err := graph.SVG(&b, lang, shop(t)); err != nil {
			t.Fatal(err)
		}
		text := read(t, b.Bytes()).text
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in the picture", lang, w)
			}
		}
	}
}

func TestTheSameMenuGivesTheSamePicture(t *testing.T) {
	var a, b bytes.Buffer
	if err := graph.SVG(&a, "en", shipped(t)...); err != nil {
		t.Fatal(err)
	}
	if err := graph.SVG(&b, "en", shipped(t)...); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two drawings differ")
	}
}

func ExampleMermaid() {
	c, err := menus.Load(os.DirFS("../catalog"), menus.DefaultEnv())
	if err != nil {
		fmt.Println(err)
		return
	}
	wallet, _ := c.Program("wallet")
	var b strings.Builder
	if err := graph.Mermaid(&b, "en", wallet); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.SplitN(b.String(), "\n", 2)[0])
	// Output: flowchart LR
}

func BenchmarkSVG(b *testing.B) {
	programs := shipped(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := graph.SVG(io.Discard, "en", programs...); err != nil {
			b.Fatal(err)
		}
	}
}
