package menus

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

const okMenu = `menu: ok
codes: ["*9#"]
languages: [en, sw]
start: home
screens:
  home:
    kind: menu
    text: {en: Hello, sw: Habari}
    options:
      - {id: bye, label: {en: Bye, sw: Kwaheri}, go: bye}
` + okBye

const okBye = "  bye: {kind: end, text: {en: Bye, sw: Kwaheri}}\n"

// golden compares got with a file beside the test data.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, d)
	}
}

func textsFile(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("catalog/texts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// beside completes a file to a catalog that has no other faults.
func beside(t *testing.T, name string, data []byte) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{name: {Data: data}}
	if bytes.HasPrefix(data, []byte("texts:")) {
		fsys["ok.yaml"] = &fstest.MapFile{Data: []byte(okMenu)}
	} else {
		fsys["texts.yaml"] = &fstest.MapFile{Data: textsFile(t)}
	}
	return fsys
}

// TestBrokenCatalogsAreReported has a folder where it takes several files to be
// wrong.
func TestBrokenCatalogsAreReported(t *testing.T) {
	dirs, err := filepath.Glob("testdata/broken/*/a.yaml")
	if err != nil || len(dirs) < 6 {
		t.Fatalf("%d folders, %v", len(dirs), err)
	}
	for _, first := range dirs {
		dir := filepath.Dir(first)
		code := filepath.Base(dir)
		t.Run(code, func(t *testing.T) {
			fsys := fstest.MapFS{"texts.yaml": {Data: textsFile(t)}}
			files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range files {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				fsys[filepath.Base(path)] = &fstest.MapFile{Data: data}
			}
			_, err = Load(fsys, DefaultEnv())
			var ps Problems
			if !errors.As(err, &ps) || !slices.ContainsFunc(ps, func(p Problem) bool { return p.Code == code }) {
				t.Fatalf("no problem %q:\n%v", code, err)
			}
			golden(t, filepath.Join("testdata/broken", code+".txt"), ps.Error()+"\n")
		})
	}
}

func TestBrokenMenusAreReportedWithPlaceCodeCaretAndFix(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		code := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(code, func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Load(beside(t, filepath.Base(path), data), DefaultEnv())
			var ps Problems
			if !errors.As(err, &ps) {
				t.Fatalf("loaded with %v", err)
			}
			found := false
			for _, p := range ps {
				found = found || p.Code == code
			}
			if !found {
				t.Errorf("no problem %q among:\n%v", code, ps)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", ps.Error()+"\n")
		})
	}
}
