package menutest_test

import (
	"os"
	"regexp"
	"testing"
	"testing/fstest"

	"nyota/menus"
	"nyota/menus/menutest"
)

// The guide's menu and its test work as they are printed.
func TestGuideWorksAsPrinted(t *testing.T) {
	guide, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(guide, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d YAML blocks, want the menu and its test", len(blocks))
	}
	texts, err := os.ReadFile("../catalog/texts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"texts.yaml": {Data: texts}, "gift.yaml": {Data: blocks[0][1]}, "gift.test.yaml": {Data: blocks[1][1]}}
	catalog, err := menus.Load(files, menus.DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	suite, err := menutest.Load(files, catalog)
	if err != nil {
		t.Fatal(err)
	}
	if report := suite.Run(nil); report.Failed() > 0 || suite.Cases() != 1 {
		t.Errorf("%d of %d cases fail", report.Failed(), suite.Cases())
	}
}
