package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// command runs one command line of the gateway, as from the repository's root.
func commandLine(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	var b bytes.Buffer
	root := command()
	root.SetArgs(goStyle(append([]string{"--config", "../config.yaml"}, args...)))
	root.SetOut(&b)
	root.SetErr(&b)
	err := root.ExecuteContext(t.Context())
	switch e := err.(type) {
	case nil:
	case exitError:
		code = int(e)
	default:
		code = 1
		b.WriteString(err.Error())
	}
	return b.String(), code
}

// brokenMenu is a folder with a menu of two problems.
func brokenMenu(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	texts, err := os.ReadFile("../menus/catalog/texts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const menu = "menu: m\ncodes: [\"*1#\"]\nlanguages: [en]\nstart: home\nscreens:\n  home:\n    kind: menu\n    text: {en: Hello}\n    options:\n" +
		"      - {id: a, label: {en: A}, go: b}\n      - {id: c, label: {en: 00}, go: home}\n"
	for name, data := range map[string][]byte{"texts.yaml": texts, "m.yaml": []byte(menu)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCheckFindsNothingInTheShippedMenus(t *testing.T) {
	for _, format := range []string{"text", "json", "github", "sarif"} {
		if out, code := commandLine(t, "check", "../menus/catalog", "--format", format); code != 0 {
			t.Errorf("%s: exit status %d: %s", format, code, out)
		}
	}
	out, code := commandLine(t, "check", "../menus/catalog", "--coverage")
	if code != 0 || !strings.Contains(out, "wallet") || !strings.Contains(out, "outcomes") {
		t.Errorf("exit status %d: %s", code, out)
	}
	if out, code := commandLine(t, "check", "--schema"); code != 0 || !json.Valid([]byte(out)) {
		t.Errorf("the schema: exit status %d", code)
	}
}

func TestCheckReportsProblemsInEveryFormat(t *testing.T) {
	dir := brokenMenu(t)
	file := filepath.ToSlash(filepath.Join(dir, "m.yaml"))
	for format, want := range map[string][]string{
		"text":   {file + ":10:37: unknown-screen", "fix: ", "2 problems in"},
		"github": {"::error file=", ",line=10,col=37,title=unknown-screen::", "%0Afix: write \"00\""},
		"json":   {`"code": "number-unquoted"`, `"line": 11`},
		"sarif":  {`"version": "2.1.0"`, `"ruleId": "unknown-screen"`, `"startLine": 10`},
	} {
		t.Run(format, func(t *testing.T) {
			out, code := commandLine(t, "check", dir, "--format", format)
			if code != 1 {
				t.Errorf("exit status %d", code)
			}
			for _, w := range want {
				if !strings.Contains(out, w) {
					t.Errorf("no %q in:\n%s", w, out)
				}
			}
			if (format == "json" || format == "sarif") && !json.Valid([]byte(out)) {
				t.Error("not JSON")
			}
		})
	}
}

func TestMenuCommandsSayWhenAFolderCannotBeRead(t *testing.T) {
	for _, name := range []string{"check", "test", "graph"} {
		if out, code := commandLine(t, name, "no-such-folder"); code != 2 || !strings.Contains(out, "no-such-folder") {
			t.Errorf("%s: exit status %d: %s", name, code, out)
		}
		if _, code := commandLine(t, name, brokenMenu(t)); code != 1 {
			t.Errorf("%s of a broken menu: exit status %d", name, code)
		}
	}
}

func TestTestsOfABrokenFileAreProblemsOfCheck(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../menus/catalog")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.test.yaml"), []byte("cases:\n  - name: x\n    stepz: []\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, code := commandLine(t, "check", dir)
	if code != 1 || !strings.Contains(out, "x.test.yaml:3:5: unknown-key") {
		t.Errorf("exit status %d: %s", code, out)
	}
}

func TestGatewayTestRunsUpdatesAndReports(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../menus/catalog")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x.test.yaml")
	if err := os.WriteFile(path, []byte("language: en\ncases:\n  - name: x marks the spot\n    steps:\n      - dial: \"*150*00#\"\n        expect: \"?\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	junit := filepath.Join(dir, "junit.xml")
	out, code := commandLine(t, "test", dir, "-run", "marks", "--junit", junit)
	if code != 1 || !strings.Contains(out, "x.test.yaml:6:17: the screen home differs") || !strings.Contains(out, "│ ?  ") || !strings.Contains(out, "1 of 1 cases fail") {
		t.Errorf("exit status %d: %s", code, out)
	}
	if data, err := os.ReadFile(junit); err != nil || !strings.Contains(string(data), `failures="1"`) {
		t.Errorf("%v: %s", err, data)
	}
	if out, code := commandLine(t, "test", dir, "--run", "marks", "--update"); code != 0 || !strings.Contains(out, "texts written anew") {
		t.Errorf("exit status %d: %s", code, out)
	}
	if out, code := commandLine(t, "test", dir); code != 0 || !strings.Contains(out, "cases pass") {
		t.Errorf("exit status %d: %s", code, out)
	}
	if out, code := commandLine(t, "test", dir, "--run", "nothing is called so"); code != 1 || !strings.Contains(out, "no case to run") {
		t.Errorf("exit status %d: %s", code, out)
	}
}

func TestGraphWritesEveryFormatAndLanguage(t *testing.T) {
	for format, want := range map[string]string{"svg": "<svg ", "mermaid": "flowchart LR\n", "dot": "digraph menus {"} {
		out, code := commandLine(t, "graph", "../menus/catalog", "--menu", "wallet", "--lang", "sw", "--format", format)
		if code != 0 || !strings.HasPrefix(out, want) || !strings.Contains(out, "Tuma pesa") {
			t.Errorf("%s: exit status %d: %.200s", format, code, out)
		}
	}
	file := filepath.Join(t.TempDir(), "flow.svg")
	if out, code := commandLine(t, "graph", "../menus/catalog", "-o", file); code != 0 || out != "" {
		t.Errorf("exit status %d: %s", code, out)
	}
	if data, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(data, []byte("<svg ")) {
		t.Errorf("%v: %.100s", err, data)
	}
	for _, args := range [][]string{{"--format", "png"}, {"--lang", "xx"}, {"--menu", "none"}} {
		if out, code := commandLine(t, append([]string{"graph", "../menus/catalog"}, args...)...); code != 1 {
			t.Errorf("%v: exit status %d: %.100s", args, code, out)
		}
	}
}
