package menutest_test

import (
	"os"
	"regexp"
	"testing"
	"testing/fstest"

	"nyota/menus"
	"nyota/menus/menutest"
)

// The guide's menus and their tests work as they are printed.
func TestGuideWorksAsPrinted(t *testing.T) {
	guide, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(guide, -1)
	if len(blocks) != 4 {
		t.Fatalf("%d YAML blocks, want two menus, each with its test", len(blocks))
	}
	texts, err := os.ReadFile("../catalog/texts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"texts.yaml": {Data: texts},
		"gift.yaml":  {Data: blocks[0][1]}, "gift.test.yaml": {Data: blocks[1][1]},
		"purse.yaml": {Data: blocks[2][1]}, "purse.test.yaml": {Data: blocks[3][1]},
	}
	catalog, err := menus.Load(files, menus.DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	suite, err := menutest.Load(files, catalog)
	if err != nil {
		t.Fatal(err)
	}
	report := suite.Run(nil)
	for _, r := range report.Results {
		for _, f := range r.Failures {
			t.Errorf("%s: %s", r.Name, f.Message)
		}
	}
	if suite.Cases() != 4 {
		t.Errorf("%d cases, want 4", suite.Cases())
	}
}
