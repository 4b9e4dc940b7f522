package menus

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// loadMany loads n screens with one text replaced in the file.
func loadMany(t *testing.T, n int, old, changed string) Problems {
	t.Helper()
	fsys := manyScreens(n)
	if !bytes.Contains(fsys["big.yaml"].Data, []byte(old)) {
		t.Fatalf("the file has no %q", old)
	}
	fsys["big.yaml"].Data = bytes.Replace(fsys["big.yaml"].Data, []byte(old), []byte(changed), 1)
	fsys["texts.yaml"] = &fstest.MapFile{Data: textsFile(t)}
	_, err := Load(fsys, DefaultEnv())
	var ps Problems
	if err != nil && !errors.As(err, &ps) {
		t.Fatal(err)
	}
	return ps
}

func TestALargeFileIsReadLikeASmallOne(t *testing.T) {
	const screens, at = 1000, 700 // of them, and the one that is changed
	line := 5 + at*5
	for _, tt := range []struct {
		name, old, changed, want string
	}{
		{"nothing wrong", "s3:", "s3:", ""},
		{"an unknown screen", "go: s701}", "go: t701}", fmt.Sprintf("big.yaml:%d:51: unknown-screen", line+5)},
		{"a screen that is there twice", "  s700:", "  s699:", fmt.Sprintf("big.yaml:%d:3: duplicate-key", line+1)},
		{"a syntax error", `Screen 700"`, `Screen 700`, fmt.Sprintf("big.yaml:%d:", line+3)},
		{"an alias", "Next, sw: Mbele}, go: s701", "*701#, sw: Mbele}, go: s701", fmt.Sprintf("big.yaml:%d:29: code-unquoted", line+5)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ps := loadMany(t, screens, tt.old, tt.changed)
			if tt.want == "" {
				if len(ps) > 0 {
					t.Fatal(ps)
				}
				return
			}
			if len(ps) == 0 || !strings.Contains(ps.Error(), tt.want) {
				t.Errorf("want %s, got\n%.600s", tt.want, ps.Error())
			}
		})
	}
}

func TestALargeFileKeepsWhatStandsAroundItsScreens(t *testing.T) {
	fsys := manyScreens(600)
	data := fsys["big.yaml"].Data
	data = append(data, "\n# The rest.\ntries: 3\nkeywords: [BIG]\n"...)
	data = bytes.Replace(data, []byte("  s300:\n"), []byte("\n  # A comment between screens.\n  s300:\n"), 1)
	c, err := Load(fstest.MapFS{"big.yaml": {Data: data}, "texts.yaml": {Data: textsFile(t)}}, DefaultEnv())
	if err != nil {
		t.Fatal(err)
	}
	p, _, ok := c.Keyword("big")
	if !ok || p.tries != 3 || len(p.screens) != 600 {
		t.Errorf("%v, %d tries, %d screens", ok, p.tries, len(p.screens))
	}
}
