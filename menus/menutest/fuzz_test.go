package menutest_test

import (
	"errors"
	"os"
	"testing"
	"testing/fstest"

	"nyota/menus"
	"nyota/menus/menutest"
)

// Whatever stands in a test file, it is refused with problems or it runs; what
// is rewritten can be read again.
func FuzzTestFiles(f *testing.F) {
	catalog := shipped(f)
	for _, seed := range []string{
		head + "    steps: [{dial: \"*150*00#\", expect: x}, {press: [\"5\", secret]}]\n",
		head + "    core: {balance: [slow, {done: {balance: 1}}]}\n    down: {transfer: null}\n    sms: {customer: [a, {lacks: b}]}\n    steps: [{dial: \"*150*00#\"}]\n",
		"cases:\n  - name: a\n    steps:\n      - dial: \"*150*01#\"\n        expect: |\n          x\n\n          y\n      - press: \"9\"\n        expect: 'it''s'\n",
		"cases: [{name: #, steps: [}]\n", "language: [en\n",
	} {
		f.Add([]byte(seed))
	}
	if data, err := os.ReadFile("../catalog/wallet.test.yaml"); err == nil {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := fstest.MapFS{"a.test.yaml": {Data: data}}
		suite, err := menutest.Load(fsys, catalog)
		if err != nil {
			var ps menus.Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("not problems: %v", err)
			}
			return
		}
		files, err := suite.Updated(suite.Run(nil))
		if err != nil || len(files) == 0 {
			return
		}
		fsys["a.test.yaml"].Data = files["a.test.yaml"]
		if suite, err = menutest.Load(fsys, catalog); err != nil {
			t.Fatalf("written anew it is refused: %v\nfrom:\n%q\nto:\n%q", err, data, files["a.test.yaml"])
		}
		if again, err := suite.Updated(suite.Run(nil)); err == nil && len(again) > 0 {
			t.Fatalf("it differs again:\nfrom:\n%q\nto:\n%q\nagain:\n%q", data, files["a.test.yaml"], again["a.test.yaml"])
		}
	})
}
