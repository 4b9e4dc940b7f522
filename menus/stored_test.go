package menus

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// published is the source of the shipped catalog with its texts as another release
// had them.
func published(t *testing.T, texts func(string) string) []byte {
	t.Helper()
	names, err := filepath.Glob("catalog/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var files []*file
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name = filepath.Base(name); name == "texts.yaml" {
			data = []byte(texts(string(data)))
		}
		if !strings.HasSuffix(name, ".test.yaml") {
			files = append(files, &file{name: name, data: data})
		}
	}
	return encodeSource(files)
}

func TestARevisionOfAnotherReleaseLoads(t *testing.T) {
	without := regexp.MustCompile(`(?m)^  (told|not_sent|tell|yes|"yes"): .*\n`)
	source := published(t, func(texts string) string {
		if n := len(without.FindAllString(texts, -1)); n < 4 {
			t.Fatalf("%d of the texts are there", n)
		}
		texts = without.ReplaceAllString(texts, "")
		texts = strings.Replace(texts, "\nreasons:\n", "\nreasons:\n  too_early: {en: Too early}\n", 1)
		return strings.Replace(texts, "\ntexts:\n", "\ntexts:\n  told_by_letter: {en: \"A letter comes to {address}.\"}\n", 1)
	})
	if _, err := LoadSource(source, DefaultEnv(), nil); err == nil {
		t.Fatal("it loads without the texts that it lacks")
	}
	c, err := LoadSource(source, DefaultEnv(), wallet(t))
	if err != nil {
		t.Fatal(err)
	}
	p, _ := c.Program("wallet")
	k := &talk{t: t, p: p, visited: map[string]bool{}}
	k.begin("sw")
	k.play("5|8642|@down")
	k.want("balance_away", "2 Nijulishe kwa SMS ikirudi")
	k.play("2|@done")
	k.want("balance_away", "Utapokea SMS huduma ikirudi.")
	if got := c.Text("not_sent", "sw"); got != "Ombi halikutumwa." {
		t.Errorf("%q", got)
	}
	if got := c.Text("other", "fr"); got != "La demande n'a pas été acceptée." {
		t.Errorf("%q", got)
	}

	// Files that are written now must have all texts, and no others.
	fsys := fstest.MapFS{}
	for _, f := range []string{"agent", "ends", "last_balance", "self", "status", "wallet"} {
		data, err := os.ReadFile("catalog/" + f + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		fsys[f+".yaml"] = &fstest.MapFile{Data: data}
	}
	fsys["texts.yaml"] = &fstest.MapFile{Data: bytes.Replace(textsFile(t), []byte("\ntexts:\n"), []byte("\ntexts:\n  told_by_letter: {en: x}\n"), 1)}
	var ps Problems
	if _, err := Load(fsys, DefaultEnv()); !errors.As(err, &ps) || ps[0].Code != "unknown-key" {
		t.Errorf("%v", err)
	}
}
